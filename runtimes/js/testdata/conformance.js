// The contract "conformance" that package hosttest drives.
var kalima_abi = 1;

var calls = 0;
var remembered = "";

function validate() {
  return run();
}

function react() {
  return run();
}

function query() {
  return run();
}

function migrate() {
  return run();
}

function run() {
  const event = kalima.event;
  if (!Object.hasOwn(cases, event.key)) kalima.reject(99, "unknown case");
  return cases[event.key](event.value, event.bytes);
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

// parts is words with the last one as bytes.
function parts(n) {
  const bytes = kalima.event.bytes;
  const list = [];
  let from = 0;
  while (list.length < n - 1) {
    const i = bytes.indexOf(32, from);
    if (i < 0) break;
    list.push(kalima.text(bytes.slice(from, i)));
    from = i + 1;
  }
  list.push(bytes.slice(from));
  return list;
}

function out(value) {
  const phase = kalima.event.phase;
  if (phase === "react") kalima.submit("/submit/out", "out", value);
  else if (phase === "query") kalima.reply(value);
  else kalima.put("", "out", value);
}

function keys(address) {
  const list = [];
  for (let key = kalima.next(address, ""); key !== null; key = kalima.next(address, key)) list.push(key + ",");
  return list.join("");
}

function known(value) {
  return value === null ? "absent" : value;
}

// join makes one Uint8Array of texts and bytes.
function join(parts) {
  const list = parts.map((part) => (typeof part === "string" ? kalima.bytes(part) : part));
  const all = new Uint8Array(list.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of list) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function found(value) {
  return value === null ? ["absent"] : ["=", value];
}

function overlay() {
  kalima.put("", "b", "2");
  kalima.put("", "b", "3");
  kalima.put("", "c", "4");
  kalima.delete("", "a");
}

function many(keys) {
  return kalima.getManyBytes(keys).flatMap((value) => [...found(value), ","]);
}

function scanned(arg) {
  const [address, after, before, limit] = words(arg, 4);
  return kalima.scanBytes(address, { after, before, limit: Number(limit) });
}

function entries(list) {
  return list.flatMap(([key, value]) => [key, "=", value, ","]);
}

function count(list) {
  return list.length + " " + list.reduce((n, [, value]) => n + value.length, 0);
}

function ask() {
  const [name, key, argument] = parts(3);
  const answer = kalima.queryBytes(name, key, argument);
  out(answer === null ? "none" : join(["=", answer]));
}

function answered(answer) {
  out(answer === null ? "none" : join([answer.status + " ", answer.bytes]));
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
  put() {
    kalima.put(...parts(3));
  },
  delete(arg) {
    kalima.delete(...words(arg, 2));
  },
  submit() {
    kalima.submit(...parts(3));
  },
  overlay() {
    overlay();
    const values = ["a", "b", "c"].map((key) => known(kalima.get("", key)));
    out(values.join(",") + ";" + keys(""));
  },
  "get-many"(arg) {
    const list = arg === "" ? [] : arg.split(" ");
    const at = [];
    for (let i = 0; i < list.length; i += 2) at.push([list[i], list[i + 1]]);
    const parts = many(at);
    out(at.length === 0 ? "none" : join(parts));
  },
  scan(arg) {
    const list = scanned(arg);
    out(list.length === 0 ? "none" : join(entries(list)));
  },
  "scan-count"(arg) {
    out(count(scanned(arg)));
  },
  "scan-all"(arg) {
    const all = [];
    for (let after = "", list; (list = kalima.scanBytes(arg, { after, limit: 256 })).length > 0; ) {
      for (const entry of list) all.push(entry);
      after = list[list.length - 1][0];
    }
    out(count(all));
  },
  "overlay-many"() {
    overlay();
    const parts = many(["a", "b", "c"].map((key) => ["", key]));
    out(join([...parts, ";", ...entries(kalima.scanBytes(""))]));
  },
  query: ask,
  "query-big"(arg) {
    const answer = kalima.queryBytes("twin", "echo", "q".repeat(Number(arg)));
    out(answer === null ? "none" : String(answer.length));
  },
  "put-query"() {
    kalima.put("", "mark", "new");
    kalima.delete("", "a");
    ask();
  },
  reply(arg) {
    const [n, size] = words(arg, 2);
    for (let i = 0; i < Number(n); i++) kalima.reply("r".repeat(Number(size)));
  },
  emit() {
    kalima.emit(...parts(2));
  },
  emits(arg) {
    for (let i = 0; i < Number(arg); i++) kalima.emit("t", String(i));
  },
  "emit-order"() {
    kalima.put("", "a", "1");
    kalima.emit("x", "1");
    kalima.put("", "b", "2");
    kalima.emit("x", "2");
    kalima.put("", "a", "3");
    kalima.delete("", "b");
  },
  http() {
    answered(kalima.http(...parts(3)));
  },
  "http-size"(arg) {
    const [method, url, size] = words(arg, 3);
    const answer = kalima.http(method, url, "b".repeat(Number(size)));
    out(answer === null ? "none" : answer.status + " " + answer.bytes.length);
  },
  "http-many"(arg) {
    const [n, url] = words(arg, 2);
    let answer = null;
    for (let i = 0; i < Number(n); i++) answer = kalima.http("GET", url);
    answered(answer);
  },
  clock() {
    out(String(kalima.clock()));
  },
  reject(arg) {
    const [code, message] = words(arg, 2);
    kalima.reject(Number(code), message);
  },
  exit(arg) {
    return Number(arg);
  },
  "put-exit"() {
    kalima.put("", "out", "x");
    return 7;
  },
  "put-trap"() {
    kalima.put("", "out", "x");
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
  "swallow-query"() {
    try {
      kalima.query("twin", "trap", "");
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
  remember(arg) {
    out("[" + remembered + "]");
    remembered = arg;
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
