// Package hosttest is the suite that every runtime must pass: Run.
//
// The suite drives one contract, "conformance", written once in each language. The
// contract has the entries validate and react, no others, and both do the same: read
// the event's key, which names the case, and the event's value, which is the argument
// (written ARG below), and do what the table says. What a case finds out it puts into
// the contract's own state (the empty address), mostly under the key "out".
//
// An argument of several words is split at its first spaces, so the last word may hold
// spaces, and a word may be empty: " k v" is the words "", "k" and "v". Numbers are
// decimal ASCII, a leading "-" allowed. Nothing but what stands here may be put,
// submitted or logged, and a case that does not say how it ends accepts.
//
//	key             what the contract does
//	accept          nothing
//	echo            put own "out" = ARG, byte for byte
//	fields          for i = 1 to 9: put own "f<i>" = field(i), for example "f1"
//	numbers         for i = 1 to 6: put own "n<i>" = number(i) in decimal
//	field           put own "out" = field(ARG)
//	number          put own "out" = number(ARG) in decimal
//	get             ARG is "ADDRESS KEY": put own "out" = "=" + value, or "absent"
//	keys            ARG is an address: walk its keys with next, from "", and put own
//	                "out" = each key followed by ","; with no keys, put "none"
//	after           ARG is "ADDRESS KEY": put own "out" = "=" + next(ADDRESS, KEY), or "absent"
//	put             ARG is "ADDRESS KEY VALUE": put it
//	delete          ARG is "ADDRESS KEY": delete it
//	submit          ARG is "ADDRESS KEY VALUE": submit it
//	overlay         put own "b" = "2"; put own "b" = "3"; put own "c" = "4"; delete own "a";
//	                then write what get answers for "a", "b" and "c", and the walk of all own
//	                keys, into own "out", in this form: "absent,3,4;b,c,"
//	reject          ARG is "CODE MESSAGE": reject(CODE, MESSAGE)
//	exit            the entry returns the number ARG
//	put-exit        put own "out" = "x", then the entry returns 7
//	put-trap        put own "out" = "x", then do as trap
//	trap            the language's way to die: unreachable, panic, throw, fail
//	swallow         put at the address "no-slash"; where the language can catch
//	                errors, catch that one; then put own "out" = "caught" and accept
//	swallow-reject  reject(5, "no"), caught like that; then put own "out" = "caught"
//	loop            loop for ever, without a host call
//	memory          take memory for ever, in steps of 1 MiB (or by doubling), and keep
//	                it; when the language says there is no more, do as trap
//	recurse         call a function that calls itself for ever, and whose result is used
//	                after the call, so that no compiler makes a loop of it
//	bad-pointer     WASM only: call get with a key of 16 bytes whose pointer is the last
//	                4 bytes of memory
//	writes          for i = 0 to ARG-1: put own "w<i>" = "x"
//	big             put own "out" = ARG times the byte "b"
//	log             ARG is "COUNT TEXT": log TEXT, COUNT times
//	sha256          put own "out" = sha256(ARG), 32 bytes
//	ed25519         ARG is 32 bytes of key, 64 of signature, and the message: put own
//	                "out" = "1" when it verifies, else "0"
//	random          put own "a" = random(ARG), then own "b" = random(ARG)
//	count           add 1 to a global variable that starts at 0; put own "out" = its value
//	                in decimal. A language without mutable globals puts "1"
//	work            x = 1; ARG times: x = (x*69069 + 1) mod 65536; put own "out" = x in
//	                decimal
//
// Any other key: reject(99, "unknown case").
//
// A second contract, "abi2", is the smallest there is that says kalima_abi 2 and has
// the entry validate.
//
// The suite never looks at the text of a trap, nor at an amount of gas; it does demand
// that the same call takes the same gas each time.
package hosttest
