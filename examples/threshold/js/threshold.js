// The contract of examples/threshold in JavaScript: per key it keeps count, minimum,
// maximum and last alarm, and raises an alarm with hysteresis. The README beside this
// folder says exactly what it does.
var kalima_abi = 1;

const SETTINGS_KEY = "_threshold";
const DEFAULT_SETTINGS = "100 90";
const ALARMS = "/alarms";
const MAX_KEY = 255; // bytes
const MAX_SEGMENTS = 16;
const MAX_NUMBER = 64; // characters
const MAX_COUNT = 15; // digits

// The reasons for a rejection.
const NOT_A_NUMBER = 1;
const NAME_TOO_LONG = 2;
const BAD_SETTINGS = 3;
const BROKEN_RECORD = 4;

function validate() {
  const event = kalima.event;
  if (event.op === "delete") return 0;
  const { address, key, value } = event;
  const record = address + "#" + key;
  const settings = address + "#" + SETTINGS_KEY;
  if (kalima.bytes(record).length > MAX_KEY || settings.length > MAX_KEY || address.split("/").length > MAX_SEGMENTS) {
    kalima.reject(NAME_TOO_LONG, "address or key is too long");
  }
  if (key === SETTINGS_KEY) {
    if (!parseSettings(value)) kalima.reject(BAD_SETTINGS, "threshold must be: high low");
    kalima.put("", record, value);
    return 0;
  }
  const v = parseNumber(value);
  if (v === null) kalima.reject(NOT_A_NUMBER, "value is not a number");
  const limits = parseSettings(load(settings, DEFAULT_SETTINGS));
  const stats = parseStats(load(record, `0 ${value} ${value} 0 0`));
  if (!limits || !stats) kalima.reject(BROKEN_RECORD, "record is not readable");

  stats.count++;
  if (v < parseNumber(stats.min)) stats.min = value;
  if (v > parseNumber(stats.max)) stats.max = value;
  let change = "";
  if (stats.alarm === "0" && v > limits.high) {
    stats.alarm = "1";
    stats.last = event.time;
    change = "high";
  } else if (stats.alarm === "1" && v < limits.low) {
    stats.alarm = "0";
    change = "clear";
  }
  kalima.put("", record, `${stats.count} ${stats.min} ${stats.max} ${stats.alarm} ${stats.last}`);
  if (change) kalima.put(ALARMS + address, key, `${change} ${value} ${event.time}`);
  return 0;
}

// parseStats reads the record of one key, "count min max alarm last": min and max are kept
// as they were written, alarm is "1" while the alarm is raised, last is the time of the
// last alarm raised.
function parseStats(text) {
  const words = text.split(" ");
  if (words.length !== 5) return null;
  const [count, min, max, alarm, last] = words;
  if (count.length > MAX_COUNT || digits(count, 0) !== count.length) return null;
  if (parseNumber(min) === null || parseNumber(max) === null) return null;
  return { count: Number(count), min, max, alarm, last };
}

// parseSettings reads "high low", where low is at most high.
function parseSettings(text) {
  const words = text.split(" ");
  if (words.length !== 2) return null;
  const high = parseNumber(words[0]);
  const low = parseNumber(words[1]);
  return high !== null && low !== null && low <= high ? { high, low } : null;
}

// parseNumber reads a number by the grammar of the README, or returns null. The scan comes
// first, so that all five languages accept the same texts; Number alone would take 0x10.
function parseNumber(text) {
  if (text.length > MAX_NUMBER) return null;
  let at = digits(text, sign(text, 0));
  if (at < 0) return null;
  if (text[at] === ".") {
    at = digits(text, at + 1);
    if (at < 0) return null;
  }
  if (text[at] === "e" || text[at] === "E") {
    const start = sign(text, at + 1);
    at = digits(text, start);
    if (at < 0 || at - start > 3 || Number(text.slice(start, at)) > 200) return null;
  }
  return at === text.length ? Number(text) : null;
}

// sign returns the position after an optional sign.
function sign(text, at) {
  return text[at] === "+" || text[at] === "-" ? at + 1 : at;
}

// digits returns the position after one or more digits, or -1.
function digits(text, at) {
  const start = at;
  while (at < text.length && text[at] >= "0" && text[at] <= "9") at++;
  return at > start ? at : -1;
}

// load returns a value of the contract's own state, or instead when there is none.
function load(key, instead) {
  const value = kalima.get("", key);
  return value === null ? instead : value;
}
