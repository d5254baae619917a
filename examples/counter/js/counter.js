// Counts what is put under each address.
var kalima_abi = 1;

function validate() {
  const address = kalima.event.address;
  const count = Number(kalima.get("", address) ?? "0");
  kalima.put("", address, String(count + 1));
}

function query() {
  return kalima.get("", kalima.event.key) ?? "0";
}
