// Package hosttest is the suite that every runtime must pass: Run.
//
// The suite drives one contract, "conformance", written once in each language. The
// contract has all four entries, and all do the same: read the event's key, which names
// the case, and the event's value, which is the argument (written ARG below), and do what
// the table says. What a case finds out it hands out. Out V means
//
//	in validate, migrate   put own "out" = V
//	in react               submit V to the key "out" at /submit/out
//	in query               reply V
//
// Own is the contract's own state (the empty address). An argument of several words is
// split at its first spaces, so the last word may hold spaces, and a word may be empty:
// " k v" is the words "", "k" and "v". Numbers are decimal ASCII, a leading "-" allowed.
// Values, data, bodies and answers are bytes, all else is text. Nothing but what stands
// here may be put, submitted, replied, emitted or logged, and a case that does not say how
// it ends accepts.
//
//	key             what the contract does
//	accept          nothing
//	echo            out ARG, byte for byte
//	fields          for i = 1 to 9: put own "f<i>" = field(i), for example "f1"
//	numbers         for i = 1 to 6: put own "n<i>" = number(i) in decimal
//	field           out field(ARG)
//	number          out number(ARG) in decimal
//	get             ARG is "ADDRESS KEY": out "=" + value, or "absent"
//	keys            ARG is an address: walk its keys with next, from "", and out each
//	                key followed by ","; with no keys, "none"
//	after           ARG is "ADDRESS KEY": out "=" + next(ADDRESS, KEY), or "absent"
//	put             ARG is "ADDRESS KEY VALUE": put it
//	delete          ARG is "ADDRESS KEY": delete it
//	submit          ARG is "ADDRESS KEY VALUE": submit it
//	overlay         put own "b" = "2"; put own "b" = "3"; put own "c" = "4"; delete own "a";
//	                then out what get answers for own "a", "b" and "c", and the walk of
//	                all own keys, in this form: "absent,3,4;b,c,"
//	get-many        ARG is words without spaces, "ADDRESS KEY ADDRESS KEY ...": one get_many
//	                of these; out, for each, "=" + value, or "absent", and ",". An empty ARG
//	                is no keys: get_many of none, then out "none"
//	scan            ARG is "ADDRESS AFTER BEFORE LIMIT": one scan; out, for each entry, key +
//	                "=" + value + ","; with no entries, "none"
//	scan-count      the same scan; out the number of entries, " ", and the number of bytes of
//	                their values together
//	scan-all        ARG is an address: scan with limit 256 from "", again after the last
//	                key, until there are no entries; out as scan-count, of all entries
//	overlay-many    the four writes of overlay; then out what get-many answers for own "a",
//	                "b" and "c", then ";", then what scan answers for own, "", "", 256
//	query           ARG is "NAME KEY ARGUMENT": query it; out "=" + answer, or "none"
//	query-big       ARG is a number: query("twin", "echo", that many bytes "q"); out the
//	                length of the answer, or "none"
//	put-query       put own "mark" = "new"; delete own "a"; then do as query
//	reply           ARG is "COUNT SIZE": COUNT times reply SIZE bytes "r"
//	emit            ARG is "TOPIC DATA": emit it
//	emits           for i = 0 to ARG-1: emit "t" with i in decimal
//	emit-order      put own "a" = "1"; emit "x" "1"; put own "b" = "2"; emit "x" "2"; put
//	                own "a" = "3"; delete own "b"
//	http            ARG is "METHOD URL BODY": send it; out the status, " ", and the answer's
//	                body, or "none"
//	http-size       ARG is "METHOD URL SIZE": send a body of SIZE bytes "b"; out the status,
//	                " ", and the length of the answer's body, or "none"
//	http-many       ARG is "COUNT URL": COUNT times GET it without a body; out the last
//	                answer as http does
//	clock           out clock() in decimal
//	reject          ARG is "CODE MESSAGE": reject(CODE, MESSAGE)
//	exit            the entry returns the number ARG
//	put-exit        put own "out" = "x", then the entry returns 7
//	put-trap        put own "out" = "x", then do as trap
//	trap            the language's way to die: unreachable, panic, throw, fail
//	swallow         put at the address "no-slash"; where the language can catch
//	                errors, catch that one; then out "caught" and accept
//	swallow-reject  reject(5, "no"), caught like that; then out "caught"
//	swallow-query   query("twin", "trap", ""), caught like that; then out "caught"
//	loop            loop for ever, without a host call
//	memory          take memory for ever, in steps of 1 MiB (or by doubling), and keep
//	                it; when the language says there is no more, do as trap
//	recurse         call a function that calls itself for ever, and whose result is used
//	                after the call, so that no compiler makes a loop of it
//	writes          for i = 0 to ARG-1: put own "w<i>" = "x"
//	big             out ARG times the byte "b"
//	log             ARG is "COUNT TEXT": log TEXT, COUNT times
//	sha256          out sha256(ARG), 32 bytes
//	ed25519         ARG is 32 bytes of key, 64 of signature, and the message: out "1" when
//	                it verifies, else "0"
//	random          put own "a" = random(ARG), then own "b" = random(ARG)
//	count           add 1 to a global variable that starts at 0; out its value in decimal.
//	                A language without mutable globals answers "1"
//	remember        out "[" + a global text that starts empty + "]", then set it to ARG. A
//	                language without mutable globals answers "[]"
//	work            x = 1; ARG times: x = (x*69069 + 1) mod 65536; out x in decimal
//
// A contract that calls the host's functions as they stand, with pointers (Kit.Pointers):
//
//	bad-pointer     call get with a key of 16 bytes whose pointer is the last 4 bytes of memory
//	list            get_many with the bytes of ARG as its list; out what was kept
//
// and one without an SDK between (Kit.Raw):
//
//	bad-pointer     ARG is a function's name (empty is get): call it with its first pointer
//	                that has a length at the last 4 bytes of memory and the length 16, and
//	                nothing else wrong
//	kept            out, in decimal and with spaces between: result(0 bytes) before anything
//	                was kept; result(0 bytes) after get_many of own "k"; 1 when result into
//	                one byte less than that left the buffer alone, else 0; 1 when two
//	                results into two buffers are the same bytes, else 0
//
// Any other key: reject(99, "unknown case").
//
// Four more contracts are as small as they can be:
//
//	small      has validate alone, and accepts
//	abi2       says kalima_abi 2 and has validate
//	noentry    says kalima_abi 1 and has no entry
//	noversion  has validate and says no version
//
// The suite never looks at the text of a trap, nor at an amount of gas; it does demand
// that the same call takes the same gas each time, with that much gas, and none with less.
//
// The suite runs the contract under the name conf. Queries reach the same module under that
// name and as twin; each has its own state.
package hosttest
