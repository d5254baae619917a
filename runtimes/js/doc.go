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
// code. The file runs from its top at every call, in strict mode, in a realm of its own:
// nothing crosses from one call to the next. It also runs once when it is loaded, without
// a call; host functions there refuse the contract.
//
// # The object kalima
//
//	field(id)                     Uint8Array   a byte field of the call, see abi.Field
//	number(id)                    number       a numeric field of the call, see abi.Number
//	get(address, key)             string|null  current value as UTF-8; null when absent
//	getBytes(address, key)        Uint8Array|null
//	put(address, key, value)                   value is a string or a Uint8Array
//	delete(address, key)
//	next(address, after)          string|null  next key in byte order; "" is before the first
//	submit(address, key, value)                react only
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
// # Gas
//
// Every function entry and every loop iteration is charged before it runs, by the code
// it is about to run (see prices in meter.go), at a place that goja's own parser found.
// Built-in functions that loop or allocate are charged by size. Host functions cost what
// they cost in every language. So the gas of a call is the same at every node, and so is
// its end.
package js
