// Package js runs JavaScript contracts: host.Runtime on goja, which this package alone
// imports. It runs them in the caller's process; goja can bound neither its memory nor
// native recursion, so a node puts package worker in between.
//
// # A contract
//
// A contract is one source file of at most MaxSource bytes that sets kalima_abi to 1 and
// defines a function for each phase it serves:
//
//	var kalima_abi = 1;
//	function validate() {
//	  if (Number(kalima.event.value) > 100) kalima.reject(1, "too hot");
//	}
//
// An entry accepts with undefined, null or 0; any other whole number rejects with that
// code; query may return its answer, a string or a Uint8Array. The file runs from its top
// at every call, in strict mode, and nothing crosses from one call to the next. It also runs
// once when it is loaded, without a call; host functions there refuse the contract.
//
// A comment with a map of its lines at the end (a source map as a data: URL) is no part of the
// source: faults then name the file and line from before bundling.
//
// # The object kalima
//
//	field(id)                     Uint8Array   a byte field of the call, see abi.Field
//	number(id)                    number       a numeric field of the call, see abi.Number
//	get(address, key)             string|null  current value as UTF-8; null when absent
//	getBytes(address, key)        Uint8Array|null
//	getMany([[address, key]...])  array        of what get gives; getManyBytes
//	next(address, after)          string|null  next key in byte order; "" is before the first
//	scan(address, range)          array        of [key, value]; range is {after, before, limit}, each
//	                                           optional; scanBytes
//	put(address, key, value)                   value is a string or a Uint8Array
//	delete(address, key)
//	emit(topic, data)                          validate and migrate only
//	submit(address, key, value)                react only
//	query(contract, key, arg)     string|null  another contract's answer; queryBytes
//	reply(answer)                              query only
//	http(method, url, body)       object|null  {status, body, bytes}; react only, granted
//	clock()                       number       react only, granted
//	log(message)
//	reject(code, message)                      ends the call; nothing catches it
//	sha256(data)                  Uint8Array   data is a string or a Uint8Array
//	ed25519Verify(key, message, signature)     boolean
//	random(n)                     Uint8Array
//	text(bytes)                   string       UTF-8 decoded
//	bytes(string)                 Uint8Array   UTF-8 encoded
//	event                         object       address, key, value (string), bytes, sender (hex),
//	                                           senderName, roles (array), txId (hex), contract,
//	                                           chain (hex), height, time, at (0 when the
//	                                           sender gave none), sequence, op ("put" or
//	                                           "delete"), opIndex, phase
//
// The address "" is the contract's own state. Text that is not UTF-8 reads as U+FFFD;
// the variants with bytes give what was put.
//
// # The language
//
// lockdown.js lists what there is of the library; contracts-sdk/js/README.md has a table with
// what to use instead of the rest. In short: no code made of text (eval, Function), nothing
// that waits (promises, async, generators, timers), no clock but the block's (Date is absent), no
// Math.random, no BigInt, no typed array but Uint8Array. Math and ** are computed in software
// where processors disagree. Regular expressions run in package regex, in linear time. All of
// the library is frozen.
//
// # Gas
//
// Every function entry and every loop iteration is charged before it runs, by the code
// it is about to run (see prices in meter.go), at a place that goja's own parser found.
// Built-in functions that loop or allocate are charged by size, and once a call has a long
// string or a long chain of prototypes its own steps count several times, see gauge. Host
// functions cost what they cost in every language. So the gas of a call is the same at every
// node, and so is its end. Runtime.Schedule names all of it.
package js
