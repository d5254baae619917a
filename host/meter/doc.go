// Package meter rewrites a WebAssembly module so that an engine without gas can run it
// as a contract: every piece of work is paid for, the stack is bounded, and nothing of
// the machine it runs on can be observed. It needs the standard library alone.
//
// # What is put in
//
// Two mutable i64 globals, exported as ExportGas and ExportDepth, and two imports of
// the module ImportModule:
//
//	refill(gas i64) i64     called when the gas or depth global is negative. The host
//	                        adds to the global and returns its argument plus what it
//	                        added, or does not return
//	grow(pages i32) i32     called before memory.grow. The host charges for the pages
//	                        and returns 1 to let it happen, 0 to make it answer -1. It
//	                        has to hold Info.MaxPages: the output's maximum is one higher
//
// Gas used at any time is what the host put into the gas global less what it holds, so
// it depends neither on the size of the slices the host hands out nor on when.
//
// Each straight-line segment takes its price from the gas when it begins. The sign of
// the gas is looked at where work could repeat: at every loop head, on entry to
// functions that take part in recursion or are called through a table, around each
// indirect call, and before bulk operations. Between two looks there can be only as much
// work as a function body is long, plus bodyLag; the host looks again at each of its
// functions and when the call is over, so a call that used more than it was given is
// always found out and none of its effects counts.
//
// In a function with a loop the gas lives in a local, and the global is brought up to
// date before calls and bulk operations, at loop heads and at the end. After a trap the
// global therefore tells the gas as of the last of these places: less by at most one pass
// through a body, without what bulk operations in it moved.
//
// The depth global is lowered by the size of a frame (4 + parameters + locals + the
// highest operand stack, in slots) on entry to the same functions and raised at their
// end; functions that can not recurse are counted with their callers.
//
// Floating-point results that may be NaN are replaced by the canonical NaN, unless their
// only reader is again an operation that does not show the bits.
//
// A start section becomes the export ExportStart, to be called once gas is there. Every
// mutable global gets an export (ExportGlobal), so that the host can put it back.
//
// Selects of floats become ifs, because the engine gets them wrong (DESIGN.md).
//
// # What it costs and where
//
// Prices, Schedule and Digest are the price table. With Config.Trace the module tells the
// host of every place it comes to, at the same gas, and Trace puts places into words:
// function, file and line.
//
// # What is refused
//
// Everything this package does not know, each by its name and with the flag of the
// toolchain that avoids it (Refusal), and modules beyond Limits: some engines take
// seconds and gigabytes to compile a few hostile kilobytes.
package meter
