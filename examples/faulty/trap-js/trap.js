// Dies on every put: it reads a property of a value that is not there.
var kalima_abi = 1;

function validate() {
  kalima.put("", "never", "written");
  return kalima.get("", "divisor").length;
}
