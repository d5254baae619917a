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
// Nothing but its answer. The child runs the contract in a real host.Session whose State
// asks the parent, one round trip for each read. The parent checks what comes back:
// frames are bounded before memory is taken for them, reads go through the call's own
// Session, and the writes of a result are made once more in that Session, so that a worker
// taken over by its contract can write only what the contract may.
//
// # How a call ends when its worker does not answer
//
// When a worker dies or speaks nonsense, the call is made once more in a fresh one: a
// worker may have been killed from outside. When that dies too the contract is at fault:
// OutOfMemory or StackOverflow if the Go runtime said so on its way out, otherwise
// Crashed, with all its gas used. When the deadline passes the worker is killed and the
// call is an error, never an outcome.
//
// # The protocol
//
// A frame is a big-endian uint32, the length of the rest, then one byte of kind, then the
// fields. Numbers are unsigned varints, byte strings a varint of their length and the
// bytes, lists a varint of their length and the items.
//
//	child  h  hello: protocol version
//	parent L  load: digest (32 bytes), code
//	child  l  loaded: phases, one byte each, as a byte string
//	child  x  refused: reason, hint
//	parent C  call: digest, the abi.Call, the host.Grant, the host.Limits (see wire.go)
//	child  g  get: address, key
//	child  n  next: address, after
//	parent V  answer to g and n: found (0 or 1), bytes
//	child  r  result (see wire.go)
//	child  d  the deadline passed: text
//	child  e  error: text
package worker
