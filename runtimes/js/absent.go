package js

// unavailable names what the language has and contracts do not, with what to use instead.
// A contract that reads such a name without declaring it is refused when it is loaded.
var unavailable = map[string]string{
	"eval":                 "write the code out",
	"Function":             "write the function out",
	"Date":                 "use kalima.event.time, the block's time in microseconds",
	"RegExp":               "use indexOf, split or a loop",
	"Promise":              "",
	"Proxy":                "",
	"Reflect":              "",
	"BigInt":               "use numbers: whole ones are exact up to 2^53",
	"BigInt64Array":        "",
	"BigUint64Array":       "",
	"Uint8ClampedArray":    "use Uint8Array or an array",
	"Int8Array":            "use Uint8Array or an array",
	"Uint16Array":          "use Uint8Array or an array",
	"Int16Array":           "use Uint8Array or an array",
	"Uint32Array":          "use Uint8Array or an array",
	"Int32Array":           "use Uint8Array or an array",
	"Float32Array":         "keep numbers in an array",
	"Float64Array":         "keep numbers in an array",
	"DataView":             "use Uint8Array",
	"ArrayBuffer":          "use Uint8Array",
	"GoError":              "",
	"WeakRef":              "",
	"FinalizationRegistry": "",
	"globalThis":           "declare a variable at the top of the file",
	"window":               "",
	"global":               "",
	"process":              "",
	"require":              "put all code into one file",
	"module":               "define validate or react at the top of the file",
	"exports":              "define validate or react at the top of the file",
	"console":              "use kalima.log",
	"setTimeout":           "",
	"setInterval":          "",
	"fetch":                "",
	"escape":               "use encodeURIComponent",
	"unescape":             "use decodeURIComponent",
}

// hidden are the globals of goja that a contract can not name. They are parameters of
// the function around the contract that nobody gives a value.
var hidden = []string{
	"Function", "Date", "RegExp", "Promise", "Proxy", "Reflect", "BigInt", "BigInt64Array",
	"BigUint64Array", "Uint8ClampedArray", "Int8Array", "Uint16Array", "Int16Array", "Uint32Array", "Int32Array", "Float32Array", "Float64Array", "DataView", "ArrayBuffer", "GoError",
	"globalThis", "escape", "unescape",
}

// exact lists what Math has: functions whose results IEEE 754 or integer arithmetic fixes.
var exact = []string{"abs", "ceil", "clz32", "floor", "fround", "imul", "max", "min", "round", "sign", "sqrt", "trunc"}

// constants of Math.
var constants = []string{"E", "LN10", "LN2", "LOG10E", "LOG2E", "PI", "SQRT1_2", "SQRT2"}

// inexact lists what Math lacks: Go computes it differently on different processors, or,
// random, it would differ at each node.
var inexact = map[string]bool{
	"acos": true, "acosh": true, "asin": true, "asinh": true, "atan": true, "atan2": true, "atanh": true,
	"cbrt": true, "cos": true, "cosh": true, "exp": true, "expm1": true, "hypot": true, "log": true,
	"log10": true, "log1p": true, "log2": true, "pow": true, "random": true, "sin": true, "sinh": true,
	"tan": true, "tanh": true,
}
