// The contract "conformance" that package hosttest drives.
var kalima_abi = 1;

var calls = 0;

function validate() {
  return run();
}

function react() {
  return run();
}

function run() {
  const event = kalima.event;
  const test = cases[event.key];
  if (test === undefined || !Object.hasOwn(cases, event.key)) kalima.reject(99, "unknown case");
  return test(event.value, event.bytes);
}

// words splits at the first n-1 spaces.
function words(s, n) {
  const list = [];
  while (list.length < n - 1) {
    const i = s.indexOf(" ");
    if (i < 0) break;
    list.push(s.slice(0, i));
    s = s.slice(i + 1);
  }
  list.push(s);
  return list;
}

function out(value) {
  kalima.put("", "out", value);
}

function keys(address) {
  const list = [];
  for (let key = kalima.next(address, ""); key !== null; key = kalima.next(address, key)) list.push(key + ",");
  return list.join("");
}

function known(value) {
  return value === null ? "absent" : value;
}

function deeper(n) {
  return deeper(n + 1) + n;
}

const cases = {
  accept() {},
  echo(arg, bytes) {
    out(bytes);
  },
  fields() {
    for (let i = 1; i <= 9; i++) kalima.put("", "f" + i, kalima.field(i));
  },
  numbers() {
    for (let i = 1; i <= 6; i++) kalima.put("", `n${i}`, String(kalima.number(i)));
  },
  field(arg) {
    out(kalima.field(Number(arg)));
  },
  number(arg) {
    out(String(kalima.number(Number(arg))));
  },
  get(arg) {
    const [address, key] = words(arg, 2);
    const value = kalima.getBytes(address, key);
    if (value === null) return out("absent");
    const found = new Uint8Array(value.length + 1);
    found[0] = "=".charCodeAt(0);
    found.set(value, 1);
    out(found);
  },
  keys(arg) {
    out(keys(arg) || "none");
  },
  after(arg) {
    const [address, key] = words(arg, 2);
    const next = kalima.next(address, key);
    out(next === null ? "absent" : "=" + next);
  },
  put(arg) {
    kalima.put(...words(arg, 3));
  },
  delete(arg) {
    kalima.delete(...words(arg, 2));
  },
  submit(arg) {
    kalima.submit(...words(arg, 3));
  },
  overlay() {
    kalima.put("", "b", "2");
    kalima.put("", "b", "3");
    kalima.put("", "c", "4");
    kalima.delete("", "a");
    const found = ["a", "b", "c"].map((key) => known(kalima.get("", key)));
    out(found.join(",") + ";" + keys(""));
  },
  reject(arg) {
    const [code, message] = words(arg, 2);
    kalima.reject(Number(code), message);
  },
  exit(arg) {
    return Number(arg);
  },
  "put-exit"() {
    out("x");
    return 7;
  },
  "put-trap"() {
    out("x");
    throw new Error("trap");
  },
  trap() {
    throw new Error("trap");
  },
  swallow() {
    try {
      kalima.put("no-slash", "k", "v");
    } catch (e) {
      // goes on
    } finally {
      out("caught");
    }
  },
  "swallow-reject"() {
    try {
      kalima.reject(5, "no");
    } catch (e) {
      // goes on
    } finally {
      out("caught");
    }
  },
  loop() {
    for (;;);
  },
  memory() {
    const kept = [];
    for (;;) kept.push(new Uint8Array(1 << 20));
  },
  recurse() {
    out(String(deeper(0)));
  },
  writes(arg) {
    const n = Number(arg);
    for (let i = 0; i < n; i++) kalima.put("", "w" + i, "x");
  },
  big(arg) {
    out("b".repeat(Number(arg)));
  },
  log(arg) {
    const [count, text] = words(arg, 2);
    for (let i = 0; i < Number(count); i++) kalima.log(text);
  },
  sha256(arg, bytes) {
    out(kalima.sha256(bytes));
  },
  ed25519(arg, bytes) {
    out(kalima.ed25519Verify(bytes.slice(0, 32), bytes.slice(96), bytes.slice(32, 96)) ? "1" : "0");
  },
  random(arg) {
    kalima.put("", "a", kalima.random(Number(arg)));
    kalima.put("", "b", kalima.random(Number(arg)));
  },
  count() {
    calls += 1;
    out(String(calls));
  },
  work(arg) {
    const n = Number(arg);
    let x = 1;
    for (let i = 0; i < n; i++) x = (x * 69069 + 1) % 65536;
    out(String(x));
  },
};
