//! The contract "conformance" of package hosttest, in Rust: the key of the event names the
//! case, its value is the argument. What each case does stands in host/hosttest/doc.go.
#![no_std]

use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
use kalima_contract as kalima;
use kalima_contract::{Entries, Field, Number, Scan, Text, MAX_ANSWER, MAX_KEYS, MAX_SCAN, MAX_VALUE};

const LARGEST: usize = 64 * 1024 + 16;

static COUNTER: AtomicI32 = AtomicI32::new(0);
static PHASE: AtomicI32 = AtomicI32::new(0);
static mut KEPT: [u8; MAX_ANSWER] = [0; MAX_ANSWER];
static mut BIG: [u8; LARGEST] = [0; LARGEST];
static mut REMEMBERED: Text<MAX_VALUE> = Text::new();

#[no_mangle]
pub extern "C" fn validate() -> i32 {
    run(1)
}

#[no_mangle]
pub extern "C" fn react() -> i32 {
    run(2)
}

#[no_mangle]
pub extern "C" fn query() -> i32 {
    run(3)
}

#[no_mangle]
pub extern "C" fn migrate() -> i32 {
    run(4)
}

fn run(phase: i32) -> i32 {
    PHASE.store(phase, Relaxed);
    let (key, mut value) = (kalima::key(), [0; MAX_VALUE]);
    let arg = kalima::value(&mut value);
    match key.as_str() {
        "accept" => {}
        "echo" => out(arg),
        "fields" => {
            let mut buf = [0; MAX_VALUE];
            for i in 1..=9 {
                kalima::put("", numbered("f", i).as_str(), kalima::field(Field(i as i32), &mut buf));
            }
        }
        "numbers" => {
            for i in 1..=6 {
                let n = kalima::number(Number(i as i32));
                kalima::put("", numbered("n", i).as_str(), numbered("", n).as_bytes());
            }
        }
        "field" => out(kalima::field(Field(number(arg) as i32), &mut [0; MAX_VALUE])),
        "number" => out_int(kalima::number(Number(number(arg) as i32))),
        "get" => {
            let (address, name) = cut(arg);
            answer(kalima::get(text(address), text(name), &mut [0; MAX_VALUE]));
        }
        "keys" => {
            let mut t = Text::<2048>::new();
            walk(text(arg), &mut t);
            out(if t.as_str().is_empty() { b"none" } else { t.as_bytes() });
        }
        "after" => {
            let (address, name) = cut(arg);
            answer(kalima::next(text(address), text(name)).as_ref().map(|k| k.as_bytes()));
        }
        "put" | "delete" | "submit" => write(key.as_str(), arg),
        "overlay" => overlay(),
        other => return lists(other, arg),
    }
    kalima::ACCEPT
}

/// A buffer for answers of the host, used by one case at a time.
fn kept() -> &'static mut [u8] {
    unsafe { &mut *core::ptr::addr_of_mut!(KEPT) }
}

/// A buffer for what a case hands out.
fn big() -> Buffer {
    Buffer { bytes: unsafe { &mut *core::ptr::addr_of_mut!(BIG) }, len: 0 }
}

struct Buffer {
    bytes: &'static mut [u8],
    len: usize,
}

impl Buffer {
    fn push(&mut self, b: &[u8]) -> &mut Self {
        self.bytes[self.len..self.len + b.len()].copy_from_slice(b);
        self.len += b.len();
        self
    }

    fn repeat(self, b: u8, n: i64) -> &'static [u8] {
        self.bytes[..n as usize].fill(b);
        &self.bytes[..n as usize]
    }

    fn out(&self) {
        out(if self.len == 0 { b"none" } else { &self.bytes[..self.len] });
    }
}

/// The cases of lists, queries and replies.
fn lists(key: &str, arg: &[u8]) -> i32 {
    match key {
        "get-many" => {
            let mut b = big();
            many(arg, &mut b);
            b.out();
        }
        "list" => unsafe {
            raw_get_many(arg.as_ptr(), arg.len());
            let n = raw_result(kept().as_mut_ptr(), MAX_ANSWER);
            out(&kept()[..n as usize]);
        },
        "scan" => {
            let mut b = big();
            entries(scan(arg), &mut b);
            b.out();
        }
        "scan-count" => {
            let (n, size) = scan(arg).fold((0, 0), |(n, size), (_, v)| (n + 1, size + v.len()));
            out_count(n, size);
        }
        "scan-all" => {
            let (mut n, mut size) = (0, 0);
            let mut all = Scan::new(text(arg), "", "", kept());
            while let Some((_, value)) = all.next() {
                n += 1;
                size += value.len();
            }
            out_count(n, size);
        }
        "overlay-many" => {
            let mut b = big();
            four_writes();
            many(b" a  b  c", &mut b);
            b.push(b";");
            entries(kalima::scan("", "", "", MAX_SCAN, kept()), &mut b);
            b.out();
        }
        "query" => ask(arg),
        "query-big" => match kalima::query("twin", "echo", big().repeat(b'q', number(arg)), kept()) {
            Some(answer) => out_int(answer.len() as i64),
            None => out(b"none"),
        },
        "put-query" => {
            kalima::put("", "mark", b"new");
            kalima::delete("", "a");
            ask(arg);
        }
        "reply" => {
            let (times, size) = cut(arg);
            (0..number(times)).for_each(|_| kalima::reply(big().repeat(b'r', number(size))));
        }
        other => return world(other, arg),
    }
    kalima::ACCEPT
}

/// The cases of events, requests and the clock.
fn world(key: &str, arg: &[u8]) -> i32 {
    let (first, rest) = cut(arg);
    match key {
        "emit" => kalima::emit(text(first), rest),
        "emits" => (0..number(arg)).for_each(|i| kalima::emit("t", numbered("", i).as_bytes())),
        "emit-order" => {
            kalima::put("", "a", b"1");
            kalima::emit("x", b"1");
            kalima::put("", "b", b"2");
            kalima::emit("x", b"2");
            kalima::put("", "a", b"3");
            kalima::delete("", "b");
        }
        "http" => {
            let (url, body) = cut(rest);
            send(text(first), text(url), body, false).out();
        }
        "http-size" => {
            let (url, size) = cut(rest);
            send(text(first), text(url), big().repeat(b'b', number(size)), true).out();
        }
        "http-many" => {
            let mut last = big();
            (0..number(first)).for_each(|_| last = send("GET", text(rest), b"", false));
            last.out();
        }
        "clock" => out_int(kalima::clock()),
        "remember" => {
            let remembered = unsafe { &mut *core::ptr::addr_of_mut!(REMEMBERED) };
            big().push(b"[").push(remembered.as_bytes()).push(b"]").out();
            *remembered = Text::from(text(arg));
        }
        other => return more(other, arg),
    }
    kalima::ACCEPT
}

fn many(mut arg: &[u8], b: &mut Buffer) {
    let (mut keys, mut count) = ([("", ""); MAX_KEYS + 1], 0);
    while !arg.is_empty() {
        let (address, rest) = cut(arg);
        let (key, rest) = cut(rest);
        keys[count] = (text(address), text(key));
        count += 1;
        arg = rest;
    }
    for value in kalima::get_many(&keys[..count], kept()) {
        match value {
            Some(v) => b.push(b"=").push(v).push(b","),
            None => b.push(b"absent,"),
        };
    }
}

fn scan(arg: &[u8]) -> Entries<'static> {
    let (address, rest) = cut(arg);
    let (after, rest) = cut(rest);
    let (before, limit) = cut(rest);
    // What is no limit goes to the host as another one.
    kalima::scan(text(address), text(after), text(before), number(limit) as usize, kept())
}

fn entries(list: Entries, b: &mut Buffer) {
    for (key, value) in list {
        b.push(key.as_bytes()).push(b"=").push(value).push(b",");
    }
}

fn out_count(n: usize, size: usize) {
    let mut t = numbered("", n as i64);
    t.push(" ").push_int(size as i64);
    out(t.as_bytes());
}

fn ask(arg: &[u8]) {
    let (contract, rest) = cut(arg);
    let (key, arg) = cut(rest);
    match kalima::query(text(contract), text(key), arg, kept()) {
        Some(answer) => big().push(b"=").push(answer).out(),
        None => out(b"none"),
    }
}

/// Sends a request and returns its status and the answer's body, or its length.
fn send(method: &str, url: &str, body: &[u8], length_only: bool) -> Buffer {
    let answer = kalima::http(method, url, body, kept());
    let mut b = big();
    if let Some(r) = answer {
        b.push(numbered("", r.status.into()).as_bytes()).push(b" ");
        if length_only {
            b.push(numbered("", r.body.len() as i64).as_bytes());
        } else {
            b.push(r.body);
        }
    }
    b
}

/// The cases that use the host's other functions.
fn more(key: &str, arg: &[u8]) -> i32 {
    match key {
        "writes" => (0..number(arg)).for_each(|i| kalima::put("", numbered("w", i).as_str(), b"x")),
        "big" => out(&[b'b'; LARGEST][..number(arg) as usize]),
        "log" => {
            let (count, line) = cut(arg);
            (0..number(count)).for_each(|_| kalima::log(text(line)));
        }
        "sha256" => out(&kalima::sha256(arg)),
        "ed25519" => {
            let public: [u8; 32] = arg[..32].try_into().unwrap();
            let signature: [u8; 64] = arg[32..96].try_into().unwrap();
            out(if kalima::ed25519_verify(&public, &arg[96..], &signature) { b"1" } else { b"0" });
        }
        "random" => {
            let mut buf = [0; LARGEST];
            let drawn = &mut buf[..number(arg) as usize];
            kalima::random(drawn);
            kalima::put("", "a", drawn);
            kalima::random(drawn);
            kalima::put("", "b", drawn);
        }
        "count" => out_int((COUNTER.fetch_add(1, Relaxed) + 1).into()),
        "work" => {
            let mut x = 1u32;
            for _ in 0..number(arg) {
                x = x.wrapping_mul(69069).wrapping_add(1) % 65536;
            }
            out_int(x.into());
        }
        other => return end(other, arg),
    }
    kalima::ACCEPT
}

/// The cases that end the call in their own way.
fn end(key: &str, arg: &[u8]) -> i32 {
    match key {
        "reject" => {
            let (code, message) = cut(arg);
            kalima::reject(number(code) as i32, text(message))
        }
        "exit" => return number(arg) as i32,
        "put-exit" => {
            kalima::put("", "out", b"x");
            return 7;
        }
        "put-trap" => {
            kalima::put("", "out", b"x");
            panic!()
        }
        "trap" => panic!(),
        "swallow" => {
            kalima::put("no-slash", "key", b"v"); // Rust has nothing to catch with
            out(b"caught");
        }
        "swallow-reject" => kalima::reject(5, "no"),
        "swallow-query" => {
            kalima::query("twin", "trap", b"", kept());
            out(b"caught");
        }
        "loop" => loop {
            unsafe { core::ptr::addr_of!(COUNTER).read_volatile() };
        },
        "memory" => {
            while core::arch::wasm32::memory_grow(0, 16) != usize::MAX {}
            kalima::trap()
        }
        "recurse" => out_int(endless(0)),
        "bad-pointer" => unsafe {
            let end = (core::arch::wasm32::memory_size(0) * 65536) as *const u8;
            raw_get([].as_ptr(), 0, end.wrapping_sub(4), 16, core::ptr::null_mut(), 0);
        },
        _ => kalima::reject(99, "unknown case"),
    }
    kalima::ACCEPT
}

#[link(wasm_import_module = "kalima")]
extern "C" {
    #[link_name = "get"]
    fn raw_get(addr: *const u8, alen: usize, key: *const u8, klen: usize, buf: *mut u8, cap: usize) -> i32;
    #[link_name = "get_many"]
    fn raw_get_many(list: *const u8, len: usize) -> i32;
    #[link_name = "result"]
    fn raw_result(buf: *mut u8, cap: usize) -> i32;
}

/// Keeps nothing in memory but a global, so that calls are what runs out. The compiler may
/// not know what is read back, so it can not make a loop of it.
#[inline(never)]
fn endless(n: i64) -> i64 {
    static mut LAST: i64 = 0;
    let last = unsafe { core::ptr::addr_of_mut!(LAST) };
    if unsafe { last.read_volatile() } < 0 {
        return n;
    }
    let deeper = endless(n + 1);
    unsafe { last.write_volatile(deeper) };
    unsafe { last.read_volatile() + n }
}

fn write(how: &str, arg: &[u8]) {
    let (address, rest) = cut(arg);
    let (name, value) = cut(rest);
    let (address, name) = (text(address), text(name));
    match how {
        "put" => kalima::put(address, name, value),
        "delete" => kalima::delete(address, name),
        _ => kalima::submit(address, name, value),
    }
}

fn four_writes() {
    kalima::put("", "b", b"2");
    kalima::put("", "b", b"3");
    kalima::put("", "c", b"4");
    kalima::delete("", "a");
}

fn overlay() {
    four_writes();
    let mut t = Text::<1024>::new();
    for (key, after) in [("a", ","), ("b", ","), ("c", ";")] {
        t.push(kalima::get("", key, &mut [0; 16]).map_or("absent", text)).push(after);
    }
    walk("", &mut t);
    out(t.as_bytes());
}

fn walk<const N: usize>(address: &str, t: &mut Text<N>) {
    let mut after = Text::new();
    while let Some(key) = kalima::next(address, after.as_str()) {
        t.push(key.as_str()).push(",");
        after = key;
    }
}

fn answer(v: Option<&[u8]>) {
    let mut line = [b'='; MAX_VALUE + 1];
    match v {
        Some(v) => {
            line[1..=v.len()].copy_from_slice(v);
            out(&line[..=v.len()]);
        }
        None => out(b"absent"),
    }
}

/// Hands out what a case found, in the phase's way.
fn out(v: &[u8]) {
    match PHASE.load(Relaxed) {
        2 => kalima::submit("/submit/out", "out", v),
        3 => kalima::reply(v),
        _ => kalima::put("", "out", v),
    }
}

fn out_int(n: i64) {
    out(numbered("", n).as_bytes());
}

fn numbered(letter: &str, n: i64) -> Text<32> {
    let mut t = Text::from(letter);
    t.push_int(n);
    t
}

/// Splits at the first space.
fn cut(arg: &[u8]) -> (&[u8], &[u8]) {
    match arg.iter().position(|&b| b == b' ') {
        Some(i) => (&arg[..i], &arg[i + 1..]),
        None => (arg, b""),
    }
}

fn text(b: &[u8]) -> &str {
    core::str::from_utf8(b).unwrap()
}

fn number(b: &[u8]) -> i64 {
    text(b).parse().unwrap()
}
