// A contract without an entry.
var kalima_abi = 1;
