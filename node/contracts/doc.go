// Package contracts runs deployed contracts at masters and clients: it finds what is bound
// to an address, gets the bundle, loads it once, and calls it with what it may read.
//
// At a master Validate runs, inside a transaction, every contract bound to the address. At
// a client React runs one contract for one event. Both run only what the chain approves:
// the digest of the binding, verified when the bytes are loaded.
//
// Three kinds of failure are kept apart. What every master finds in the same way is a
// fault of the contract and becomes an outcome: a digest that is not approved, an artefact
// that a runtime refuses, a bundle that says other things than its record, and whatever
// the contract does wrong. What may differ between nodes is an error of the node and never
// an outcome: bytes that can not be fetched, a store that returns other bytes, a runtime
// that is not configured, a context that ended.
package contracts
