//! The contract of examples/threshold in Rust: per key it keeps count, minimum, maximum
//! and last alarm, and raises an alarm with hysteresis. The README beside this folder says
//! exactly what it does.
#![no_std]

use kalima_contract as kalima;
use kalima_contract::{Text, MAX_ADDRESS, MAX_KEY, MAX_SEGMENTS, MAX_VALUE};

const SETTINGS_KEY: &str = "_threshold";
const DEFAULT_SETTINGS: &str = "100 90";
const ALARMS: &str = "/alarms";
const MAX_NUMBER: usize = 64;
const MAX_COUNT: usize = 15; // digits
const MAX_RECORD: usize = 512; // a count, two numbers, a flag and a time take less than half

// The reasons for a rejection.
const NOT_A_NUMBER: i32 = 1;
const NAME_TOO_LONG: i32 = 2;
const BAD_SETTINGS: i32 = 3;
const BROKEN_RECORD: i32 = 4;

#[no_mangle]
pub extern "C" fn validate() -> i32 {
    if kalima::op() == kalima::Op::Delete {
        return kalima::ACCEPT;
    }
    let (address, key) = (kalima::address(), kalima::key());
    let (address, key) = (address.as_str(), key.as_str());
    if !fits(address, key) {
        kalima::reject(NAME_TOO_LONG, "address or key is too long");
    }
    let mut buf = [0; MAX_VALUE];
    let bytes = kalima::value(&mut buf);
    let text = core::str::from_utf8(bytes).unwrap_or("not text");
    if key == SETTINGS_KEY {
        if parse_settings(text).is_none() {
            kalima::reject(BAD_SETTINGS, "threshold must be: high low");
        }
        kalima::put("", name(address, key).as_str(), bytes);
        return kalima::ACCEPT;
    }
    match parse_number(text) {
        Some(v) => count(address, key, text, v),
        None => kalima::reject(NOT_A_NUMBER, "value is not a number"),
    }
    kalima::ACCEPT
}

/// Takes the value into the record of its key and writes record and alarm.
fn count(address: &str, key: &str, value: &str, v: f64) {
    let record = name(address, key);
    let (mut settings, mut old) = ([0; MAX_RECORD], [0; MAX_RECORD]);
    let settings = load(name(address, SETTINGS_KEY).as_str(), &mut settings).unwrap_or(DEFAULT_SETTINGS);
    let stats = match load(record.as_str(), &mut old) {
        Some(text) => Stats::parse(text),
        None => Some(Stats { count: 0, min: value, max: value, alarm: "0", last: "0" }),
    };
    let ((high, low), mut s) = match (parse_settings(settings), stats) {
        (Some(settings), Some(stats)) => (settings, stats),
        _ => kalima::reject(BROKEN_RECORD, "record is not readable"),
    };

    s.count += 1;
    if parse_number(s.min).map_or(false, |min| v < min) {
        s.min = value;
    }
    if parse_number(s.max).map_or(false, |max| v > max) {
        s.max = value;
    }
    let mut now = Text::<20>::new();
    now.push_int(kalima::time());
    let mut change = None;
    if s.alarm == "0" && v > high {
        s.alarm = "1";
        s.last = now.as_str();
        change = Some("high");
    } else if s.alarm == "1" && v < low {
        s.alarm = "0";
        change = Some("clear");
    }
    kalima::put("", record.as_str(), s.text().as_bytes());
    if let Some(change) = change {
        let mut alarm = Text::<MAX_ADDRESS>::from(ALARMS);
        alarm.push(address);
        let mut line = Text::<MAX_RECORD>::from(change);
        line.push(" ").push(value).push(" ").push(now.as_str());
        kalima::put(alarm.as_str(), key, line.as_bytes());
    }
}

/// The record of one key: "count min max alarm last".
struct Stats<'a> {
    count: i64,
    min: &'a str, // as it was written
    max: &'a str,
    alarm: &'a str, // "1" while the alarm is raised, else "0"
    last: &'a str,  // time of the last alarm raised, "0" before the first
}

impl<'a> Stats<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut word = || words.next();
        let (count, min, max, alarm, last) = (word()?, word()?, word()?, word()?, word()?);
        if word().is_some() || count.len() > MAX_COUNT || !digits(count).is_empty() {
            return None;
        }
        parse_number(min).and(parse_number(max))?;
        Some(Stats { count: count.parse().ok()?, min, max, alarm, last })
    }

    fn text(&self) -> Text<MAX_RECORD> {
        let mut t = Text::new();
        t.push_int(self.count);
        for word in [self.min, self.max, self.alarm, self.last] {
            t.push(" ").push(word);
        }
        t
    }
}

/// Reports whether every name that the contract needs is short enough.
fn fits(address: &str, key: &str) -> bool {
    let max = MAX_KEY - "#".len();
    address.len() + key.len() <= max
        && address.len() + SETTINGS_KEY.len() <= max
        && address.bytes().filter(|&b| b == b'/').count() < MAX_SEGMENTS
}

/// A key of the contract's own state, "<address>#<key>".
fn name(address: &str, key: &str) -> Text<MAX_KEY> {
    let mut t = Text::from(address);
    t.push("#").push(key);
    t
}

/// Reads a value of the contract's own state.
fn load<'a>(key: &str, buf: &'a mut [u8]) -> Option<&'a str> {
    kalima::get("", key, buf).map(|bytes| core::str::from_utf8(bytes).unwrap_or(""))
}

/// Reads "high low", where low is at most high.
fn parse_settings(text: &str) -> Option<(f64, f64)> {
    let (high, low) = text.split_once(' ')?;
    let (high, low) = (parse_number(high)?, parse_number(low)?);
    (low <= high).then(|| (high, low))
}

/// Reads a number by the grammar of the README. The scan comes first, so that all five
/// languages accept the same texts; `parse` alone would take inf and .5.
fn parse_number(text: &str) -> Option<f64> {
    let mut rest = some_digits(sign(text))?;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = some_digits(fraction)?;
    }
    if let Some(exponent) = rest.strip_prefix(|c| c == 'e' || c == 'E') {
        let exponent = sign(exponent);
        rest = some_digits(exponent)?;
        let exponent = &exponent[..exponent.len() - rest.len()];
        if exponent.len() > 3 || exponent.parse::<u32>().ok()? > 200 {
            return None;
        }
    }
    if !rest.is_empty() || text.len() > MAX_NUMBER {
        return None;
    }
    text.parse().ok()
}

/// What follows an optional sign.
fn sign(s: &str) -> &str {
    s.strip_prefix(|c| c == '+' || c == '-').unwrap_or(s)
}

/// What follows any number of digits.
fn digits(s: &str) -> &str {
    s.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// What follows one or more digits.
fn some_digits(s: &str) -> Option<&str> {
    let rest = digits(s);
    (rest.len() < s.len()).then(|| rest)
}
