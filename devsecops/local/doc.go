// Package local is a chain of one contract in memory: what a master and then a client would
// do with an event, alone and without a network. Tools that explain contracts to their
// authors stand on it.
//
// Nothing here depends on the machine: time, height, sender and the world outside are
// what the caller says, and the first event is always of the same second.
package local
