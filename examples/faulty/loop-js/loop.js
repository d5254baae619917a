// Never comes back.
var kalima_abi = 1;

function validate() {
  kalima.put("", "never", "written");
  for (;;) {}
}
