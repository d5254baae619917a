// Package scenario runs a contract through a script that a person can read: events go in,
// and what the contract must do stands below each of them. The contract runs in the same
// engine as on a master, alone and without a chain.
//
// A script has one statement a line. A # at the beginning of a line makes it a comment;
// indentation is free. A word with spaces stands in double quotes, with Go's escapes.
//
//	set ADDRESS KEY VALUE        put a value into the chain's state, without an event
//	as NAME [ROLE...]            who sends the events that follow
//	at TIME                      block time of the next event, RFC 3339; each later one is
//	                             a second later
//	put ADDRESS KEY VALUE        an event: runs validate and, when it accepts, react
//	delete ADDRESS KEY           an event
//
// Below an event, what must have come of it:
//
//	accept                       it was accepted; the default, so it need not be written
//	reject [CODE [MESSAGE]]      the contract rejected it
//	fault CODE                   the contract failed: trap, out-of-gas, denied, ...
//	value ADDRESS KEY VALUE      the current value is now this
//	absent ADDRESS KEY           there is no current value now
//	submitted ADDRESS KEY VALUE  react submitted this, and in this order
//	logged TEXT                  a line of the log contains this
//
// The address "." is the contract's own state. What react submits is not fed back.
package scenario
