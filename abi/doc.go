// Package abi is what a contract and its host share: the numbers, names, limits
// and fault codes of ABI version 1, and the few words both sides use (address,
// event, call). It imports only the standard library and builds for GOOS=wasip1,
// because the Go SDK is compiled into contracts.
//
// # A contract
//
// A WASM contract imports functions from the module "kalima" and nothing else
// (WASI, which toolchains link in, is answered by deterministic stubs). It exports
//
//	memory                    its one linear memory
//	kalima_abi() i32          the ABI version it was built for: 1
//	validate() i32            optional: runs at the leader inside a transaction
//	react() i32               optional: runs at a client when an event arrived
//	query() i32               optional: answers a question; reads, never writes
//	migrate() i32             optional: runs once when this version replaces another one
//
// An entry returns 0 to accept; any other value is a rejection with that code
// and no message. A JavaScript or Starlark contract is a source file that sets
// the global kalima_abi to 1 and defines functions of the same names; they get
// the host functions as members of the global object kalima.
//
// # Host functions
//
// Bytes pass as (pointer, length) pairs of i32. A function that produces bytes
// takes (buf, cap), returns the full length, and writes only when the length is
// at most cap; -1 means "there is none". So a contract may ask with cap 0 for the
// size, and no host ever calls an allocator inside a contract. A pointer or length
// outside the memory, a malformed address, key or value, and a call that the phase
// does not allow end the call with a fault; they are never a return value.
//
//	field(id, buf, cap) i32                            a byte field of the call, see Field
//	number(id) i64                                     a numeric field of the call, see Number
//	get(addr, alen, key, klen, buf, cap) i32           current value; -1 when absent
//	put(addr, alen, key, klen, val, vlen)              write; vlen 0 deletes
//	delete(addr, alen, key, klen)                      write of the empty value
//	next(addr, alen, after, tlen, buf, cap) i32        the first key of addr greater than
//	                                                   after in byte order; -1 at the end
//	submit(addr, alen, key, klen, val, vlen)           react only: a put sent as a transaction
//	log(msg, mlen)                                     a line for people, never part of the outcome
//	reject(code, msg, mlen)                            ends the call; does not return
//	sha256(ptr, len, out32)                            SHA-256 of the bytes
//	ed25519_verify(pub32, msg, mlen, sig64) i32        1 when valid, else 0
//	random(buf, len)                                   deterministic bytes, seeded by the call
//	emit(topic, tlen, data, dlen)                      an event of the contract's own; validate and migrate
//	reply(ptr, len)                                    what a query answers; once
//
// Some answers cost work, and asking twice, first for the size, would cost it twice. These
// functions keep the answer with the host and return its length; result copies it, as often
// as it is asked, until the next of them runs. Numbers in lists are one byte, or a
// little-endian u32.
//
//	get_many(list, llen) i32                           current values of up to MaxKeys keys. list holds,
//	                                                   for each, u8 length, address, u8 length, key; the
//	                                                   answer u32 length and bytes, 0xFFFFFFFF when absent
//	scan(addr, alen, after, tlen, before, blen, n) i32 the first n (1 to MaxScan) entries with
//	                                                   after < key < before; an empty before is no bound.
//	                                                   Each is u8 length, key, u32 length, value. Fewer come
//	                                                   when they would pass MaxAnswer bytes; none is the end
//	query(name, nlen, key, klen, arg, alen) i32        asks another contract's query; -1 when there is
//	                                                   none of that name, or it rejects. Its fault is the
//	                                                   caller's. Nested at most MaxNested deep
//	http(method, mlen, url, ulen, body, blen) i32      react, when granted: the status, or -1 without an
//	                                                   answer; the body is kept
//	result(buf, cap) i32                               what was kept last
//	clock() i64                                        react, when granted: this node's Time
//
// An empty address names the contract's own state address (StateAddress). A
// contract may write there and to the addresses its manifest declared and its
// deployment granted, nowhere else.
//
// A query is called with the question as the event's key and its argument as the value; all
// other fields are those of the call that asks. It sees what its caller wrote.
//
// Rules for growth: a number is never reused and never changes its meaning; a new
// field, number, fault or function is an addition that old contracts cannot see, and
// a contract that uses one is refused, by name, where it is unknown. Whatever changes a
// signature or a meaning is ABI version 2: it lives in the import module "kalima2",
// beside this one, and a contract names it with kalima_abi and imports from it alone. A host
// serves every version that any approved contract was built for, and what one version does
// and costs stays as it is when another comes. testdata/functions.json lists what
// version 1 has; a test keeps it from changing.
package abi
