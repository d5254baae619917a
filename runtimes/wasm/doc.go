// Package wasm runs contracts compiled to WebAssembly: C, Go, Rust, and whatever else
// compiles to core WebAssembly. It is the one door to wazero.
//
// Loading a contract meters it (host/meter), has a child compile it or takes its code from
// a sealed file (compile.go, cache.go), initialises one instance and keeps the image of
// its memory and globals. Every call starts from that image: an
// instance is taken from the pool of those that wait, the entry runs, and the image is put
// back where the call wrote. A call with a Probe runs on a second build that reports where
// it is.
//
// Gas is handed to the instance in slices; each refill looks at the deadline and lets
// the garbage collector in. How large a slice is changes nothing that a contract or
// the chain can see.
//
// WASI is answered without the world: the clock is the block's time, random bytes are
// the call's, there are no arguments, no environment and no files; what is written to
// standard output and error becomes log lines.
package wasm
