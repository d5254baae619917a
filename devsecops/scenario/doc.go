// Package scenario runs a contract through a script that a person can read: events go in,
// and what the contract must do stands below each of them. The contract runs in the same
// engine as on a master, alone and without a chain.
//
// A script has one statement a line. A # at the beginning of a line makes it a comment;
// indentation is free. A word with spaces stands in double quotes, with Go's escapes. A
// script may be a txtar archive: what stands before the first file is the script, and the
// word @NAME is the content of a file, as it is.
//
// What is around the contract, from here on:
//
//	set ADDRESS KEY VALUE        put a value into the chain's state, without an event
//	state @NAME                  take the state from a file: see devsecops/local
//	as NAME [ROLE...]            who sends the events that follow
//	at TIME                      block time of the next event, RFC 3339; each later one is
//	                             a second later
//	measured TIME                when the sender of the next event measured it
//	grant write|submit PATTERN   what the contract may do, beside what its manifest says
//	grant http ORIGIN            it may send requests there
//	grant clock                  it may read the node's clock
//	limit NAME NUMBER            gas, memory, depth, writes, bytes or log of one call
//	http METHOD URL STATUS BODY  what a request is answered; without STATUS and BODY: nothing
//	clock TIME                   what the node's clock says
//	answer NAME KEY ARG REPLY    what the query of another contract answers
//	deliver NAME [ROLE...]       what react submits comes in as events of this sender;
//	                             deliver alone ends that
//	use PATH                     another project or bundle takes the contract's place, until
//	                             migrate
//	case NAME                    begins anew; what stands before the first case is the
//	                             beginning of each
//
// What happens:
//
//	put ADDRESS KEY VALUE        an event: runs validate and, when it accepts, react
//	delete ADDRESS KEY           an event
//	query KEY [ARG]              a question
//	migrate [FROM]               the contract takes over from the version before: that of
//	                             use, unless it is named
//
// Below that, what must have come of it:
//
//	accept                       it was accepted; the default, so it need not be written
//	reject [CODE [MESSAGE]]      the contract rejected it
//	fault CODE                   the contract failed: trap, out-of-gas, denied, ...
//	value ADDRESS KEY VALUE      the current value is now this
//	absent ADDRESS KEY           there is no current value now
//	emitted TOPIC DATA           it emitted this, and in this order
//	submitted ADDRESS KEY VALUE  react submitted this, and in this order
//	requested METHOD URL [BODY]  react sent this request, and in this order
//	reply TEXT                   the query answered this
//	gas NUMBER, gas <=NUMBER     all its calls together took this much gas
//	logged TEXT                  a line of the log contains this
//
// The address "." is the contract's own state.
package scenario
