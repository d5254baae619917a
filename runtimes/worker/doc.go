// Package worker runs another host.Runtime in processes of their own, so that whatever a
// contract does to its engine (native stack overflow, memory that no limit of the engine
// stops, a hang inside a built-in) ends a worker and not the node.
//
// A program that uses it calls RunIfWorker before anything else in main, and in TestMain of
// its tests. New then makes a runtime whose calls go to a small pool of children: the same
// binary, started again with one environment variable and nothing else of its parent's
// but three pipes.
//
// # Children for other work
//
// Engines are not all that needs a process of its own: a compiler does too. RunIfWorker
// takes roles, Start starts a restricted child in one of them, and the two talk as they
// like over Child.Read and Child.Write:
//
//	worker.RunIfWorker(engines, wasm.CompileRole()) // first in main; a Role is a name and a func(Task) error
//
//	ctx, cancel := context.WithTimeout(ctx, budget) // the child is killed when it ends
//	defer cancel()
//	c, err := worker.Start(ctx, worker.ChildConfig{Role: "compile", Memory: 512 << 20})
//	...
//	defer c.Close()
//	_, err = c.Write(job) // then c.CloseWrite, io.ReadAll(c); c.Died says what went wrong
//
// # What a worker is trusted with
//
// Nothing but its answer. The child runs the contract in a real host.Session whose State,
// Contracts and World ask the parent. The parent checks what comes back: frames are bounded
// before memory is taken for them, reads go through the call's own Session, queries,
// requests and the clock are checked against the call's grant and limits once more, and the
// writes of a result are made once more in that Session, so that a worker taken over by its
// contract can do only what the contract may.
//
// # What a worker can not do
//
// Before it runs anything a child gives up, on Linux, what a contract has no use for: all
// system calls but those that the Go runtime needs to compute and to use its pipes
// (seccomp, on amd64 and arm64, for all threads), all files, TCP and signals (landlock, when
// the program is built without cgo or the kernel is 7.0 or later), new privileges, being
// looked at by debuggers, a terminal, descriptors and environment. It has limits of memory,
// processor time, files and stack, ends with its parent, and goes first when the machine
// runs out of memory. What a machine lacks is no error: Runtime.Sandbox and Child.Sandbox
// tell.
//
// # How a call ends when its worker does not answer
//
// When a worker dies or speaks nonsense, the call is made once more in a fresh one: a
// worker may have been killed from outside. Requests that it sent are then sent twice, and
// a Probe sees the call twice. When that dies too the contract is at fault: OutOfMemory or
// StackOverflow if the Go runtime said so on its way out, otherwise Crashed, with all its
// gas used. When the deadline passes, or Close is called, the worker is killed and the call
// is an error, never an outcome.
//
// # How many workers there are
//
// Config.Processes for calls from outside. A query that a contract asks holds its asker's
// worker, so it must not wait for one: for each depth of nesting there may be as many more,
// started when all others are at work. A worker is replaced after Config.Calls calls, with
// 256 modules, or with half its memory in use. Starts beyond a burst of 64 are spaced to 20
// a second.
//
// # The protocol
//
// A frame is a big-endian uint32, the length of the rest (at most 4 MiB), then one byte of
// kind, then the fields. Numbers are unsigned varints, byte strings a varint of their length
// and the bytes, lists a varint of their length and the items, yes and no one byte, 1 and 0.
// Codec.go has the types of abi and host.
//
//	child  h  hello: protocol version, pieces of the sandbox (name, what is missing)
//	parent L  load: digest (32 bytes), code
//	child  l  loaded: phases, one byte each, as a byte string
//	child  x  refused: reason, hint
//	parent C  call: digest, the abi.Call, the host.Grant, the host.Limits, the equipment
//	          (contracts, world, trace, charges: yes or no; FailAt; Nested), then values sent
//	          ahead: address, key, found, bytes
//	child  g  get: used, address, key                                 answered by V
//	child  n  next: used, address, after                              answered by V
//	child  m  get many: used, list of address, key                    answered by M
//	child  s  range: used, address, after, before, limit              answered by S
//	child  q  query: used, name, key, argument, gas, writes so far    answered by Q or E
//	child  w  request: method, URL, body                              answered by W or E
//	child  t  clock                                                   answered by T
//	parent V  found, bytes
//	parent M  list of found, bytes
//	parent S  list of key, value; whether that was the last
//	parent Q  found, result
//	parent W  why there is no answer (empty: there is), status, body
//	parent T  microseconds
//	parent E  the node failed; the call ends with an error
//	child  p  a host call for the Probe; no answer
//	child  c  a charge for the Probe: places, gas; no answer
//	child  r  used, result
//	child  d  the deadline passed: text
//	child  e  error: text
//
// Used is a list of positions in what was sent ahead: those that the contract read since
// the last time, in that order.
package worker
