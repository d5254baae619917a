// Takes memory without end.
var kalima_abi = 1;

function validate() {
  kalima.put("", "never", "written");
  const kept = [];
  for (;;) kept.push(new Uint8Array(1 << 20));
}
