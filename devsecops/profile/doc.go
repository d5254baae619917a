// Package profile tells where in a contract's source its gas goes. It collects what a
// runtime reports through host.Probe.Charge, and writes it in the form of pprof, as folded
// stacks for flame graphs, and as tables.
//
// The unit is gas, never time: the same calls give the same bytes on every machine. It is
// the only door to the library of pprof.
package profile
