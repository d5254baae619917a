// Package starlark runs Starlark contracts: host.Runtime on go.starlark.net, which this
// package alone imports. It runs them in the caller's process; since the library can not
// bound its memory, a node puts package worker in between.
//
// # A contract
//
// A contract is one source file of at most MaxSource bytes that sets kalima_abi to 1 and
// defines a function for each phase it serves:
//
//	kalima_abi = 1
//
//	def validate():
//	    if float(kalima.event.value) > 100:
//	        kalima.reject(1, "too hot")
//
// An entry accepts with None or 0; any other int of 32 bits rejects with that code. The
// top level runs once, when the contract is loaded, without a call: host functions there
// refuse the contract. Its globals are frozen then, so that nothing crosses from one call to
// the next. while, set, and control flow at the top level are allowed; load and recursion
// are not.
//
// # The module kalima
//
//	field(id)                       bytes      a byte field of the call, see abi.Field
//	number(id)                      int        a numeric field of the call, see abi.Number
//	get(address, key)               str|None   current value
//	get_bytes(address, key)         bytes|None
//	put(address, key, value)                   value is a str or bytes
//	delete(address, key)
//	next(address, after = "")       str|None   next key in byte order
//	submit(address, key, value)                react only
//	log(message)
//	reject(code, message = "")                 ends the call
//	sha256(data)                    bytes      data is a str or bytes
//	ed25519_verify(key, message, signature)    bool
//	random(n)                       bytes
//	event                                      address, key, value (str), bytes, sender (hex),
//	                                           sender_name, roles (tuple), tx_id (hex), contract,
//	                                           chain (hex), height, time, at (0 when the
//	                                           sender gave none), sequence, op ("put" or
//	                                           "delete"), op_index, phase
//
// The address "" is the contract's own state. A str holds a value's bytes as they are, UTF-8
// or not. print is log.
//
// # Gas
//
// A step of the interpreter costs StepGas. Steps are not equal: x * y may take a gigabyte.
// So operators and built-ins that allocate or loop by size are called through guards that
// charge by that size first, at least a gas a byte. Host functions cost what they cost in
// every language.
package starlark
