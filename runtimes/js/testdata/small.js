// The smallest contract.
var kalima_abi = 1;
function validate() {}
