package abi

// Function is a host function of ABI version 1. Params and Results have one letter for
// each value: "i" is i32, "I" is i64. doc.go says what they mean.
type Function struct{ Name, Params, Results string }

// Functions lists every host function of ABI version 1, by name. The list only grows.
func Functions() []Function {
	return []Function{
		{FnClock, "", "I"},
		{FnDelete, "iiii", ""},
		{FnEd25519Verify, "iiii", "i"},
		{FnEmit, "iiii", ""},
		{FnField, "iii", "i"},
		{FnGet, "iiiiii", "i"},
		{FnGetMany, "ii", "i"},
		{FnHTTP, "iiiiii", "i"},
		{FnLog, "ii", ""},
		{FnNext, "iiiiii", "i"},
		{FnNumber, "i", "I"},
		{FnPut, "iiiiii", ""},
		{FnQuery, "iiiiii", "i"},
		{FnRandom, "ii", ""},
		{FnReject, "iii", ""},
		{FnReply, "ii", ""},
		{FnResult, "ii", "i"},
		{FnScan, "iiiiiii", "i"},
		{FnSHA256, "iii", ""},
		{FnSubmit, "iiiiii", ""},
	}
}
