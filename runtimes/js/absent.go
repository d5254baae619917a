package js

// unavailable names what the language has and contracts do not, with what to use instead.
// A contract that reads such a name without declaring it is refused when it is loaded.
var unavailable = map[string]string{
	"eval":                 "write the code out",
	"Function":             "write the function out",
	"Date":                 "use kalima.event.time, the block's time in microseconds",
	"Promise":              "a call has nothing to wait for: write plain functions",
	"Proxy":                "",
	"Reflect":              "use the functions of Object",
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
	"SharedArrayBuffer":    "use Uint8Array",
	"Atomics":              "",
	"AggregateError":       "use Error",
	"GoError":              "",
	"WeakRef":              "",
	"FinalizationRegistry": "",
	"Intl":                 "",
	"WebAssembly":          "",
	"globalThis":           "declare a variable at the top of the file",
	"window":               "",
	"global":               "",
	"process":              "",
	"require":              "put all code into one file",
	"module":               "define validate or react at the top of the file",
	"exports":              "define validate or react at the top of the file",
	"console":              "use kalima.log",
	"setTimeout":           "a call has nothing to wait for",
	"setInterval":          "a call has nothing to wait for",
	"setImmediate":         "a call has nothing to wait for",
	"queueMicrotask":       "a call has nothing to wait for",
	"structuredClone":      "use JSON.parse(JSON.stringify(value))",
	"fetch":                "use kalima.http in react, when it was granted",
	"escape":               "use encodeURIComponent",
	"unescape":             "use decodeURIComponent",
}

// unavailableMath names what Math lacks.
var unavailableMath = map[string]string{
	"random": "use kalima.random: the same bytes at every node, different ones in every call",
}
