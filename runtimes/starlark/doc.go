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
// An entry accepts with None or 0; any other int of 32 bits rejects with that code. A query
// may also return its answer, a str or bytes. The top level runs once, when the contract is
// loaded, without a call: host functions there refuse the contract. Its globals are frozen
// then, so that nothing crosses from one call to the next, and a call is a new thread on
// them. while, set, and control flow at the top level are allowed; load and recursion are
// not. A contract may nest its code 500 deep. The names None, True, False and kalima keep
// their meaning, and what kalima or kalima.event does not have in this version of the ABI is
// refused by name when the contract is loaded.
//
// # The module kalima
//
//	field(id)                       bytes      a byte field of the call, see abi.Field
//	number(id)                      int        a numeric field of the call, see abi.Number
//	get(address, key)               str|None   current value
//	get_many(keys)                  list       of str|None; keys are up to abi.MaxKeys pairs
//	                                           of address and key
//	next(address, after = "")       str|None   next key in byte order
//	scan(address, after = "", before = "", limit = 256)
//	                                list       of (key, value), see abi
//	put(address, key, value)                   value is a str or bytes
//	delete(address, key)
//	emit(topic, data)                          validate and migrate only
//	submit(address, key, value)                react only
//	query(name, key, argument = "") str|None   what another contract answers
//	reply(answer)                              query only
//	http(method, url, body = "")    None, or status, body (str) and bytes
//	clock()                         int
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
// get_bytes, get_many_bytes, scan_bytes and query_bytes give bytes where those give a str.
// The address "" is the contract's own state. A str holds a value's bytes as they are, UTF-8
// or not. print is log. The modules math, computed by package softmath, and json have the
// names they have elsewhere in Starlark.
//
// # Gas
//
// A step of the interpreter costs StepGas. Steps are not equal: x * y may take a gigabyte,
// and x == y may walk one. So operators, built-ins and methods that allocate or loop by size
// are called through guards that charge by that size first: a gas for a byte made, and for
// about a nanosecond's work where nothing is made. prices.go lists the prices. Host functions
// cost what they cost in every language. The memory limit counts all bytes that a call
// makes, whether they are still in use or not.
//
// # Errors
//
// A fault's Detail and Result.Where name functions and lines of the contract, innermost
// first. Depth counts functions within each other; it is measured with a probe only, and
// bounded by the number of functions, since none may call itself.
package starlark
