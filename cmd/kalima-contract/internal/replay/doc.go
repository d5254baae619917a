// Package replay runs a transaction of a chain again, here, as its leader ran it: what did
// the contracts see, and do they do the same once more?
//
// What a transaction saw is not kept anywhere, but it follows from what is: the events
// before it. So the state is built from the history of the keys that the run asks for.
// The first run begins with those that the block says were read. When it asks for
// more, those are fetched and it runs again, until nothing is missing. Rules, builder and
// engine are those of a master.
package replay
