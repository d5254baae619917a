// The smallest contract for another version of the ABI.
var kalima_abi = 2;
function validate() {}
