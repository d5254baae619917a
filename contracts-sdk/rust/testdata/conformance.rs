//! The contract "conformance" of package hosttest, in Rust: the key of the event names the
//! case, its value is the argument. What each case does stands in host/hosttest/doc.go.
#![no_std]

use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
use kalima_contract as kalima;
use kalima_contract::{Field, Number, Text, MAX_VALUE};

const LARGEST: usize = 64 * 1024 + 16;

static COUNTER: AtomicI32 = AtomicI32::new(0);

#[no_mangle]
pub extern "C" fn validate() -> i32 {
    run()
}

#[no_mangle]
pub extern "C" fn react() -> i32 {
    run()
}

fn run() -> i32 {
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
            let mut t = Text::<1024>::new();
            walk(text(arg), &mut t);
            out(if t.as_str().is_empty() { b"none" } else { t.as_bytes() });
        }
        "after" => {
            let (address, name) = cut(arg);
            answer(kalima::next(text(address), text(name)).as_ref().map(|k| k.as_bytes()));
        }
        "put" | "delete" | "submit" => write(key.as_str(), arg),
        "overlay" => overlay(),
        other => return more(other, arg),
    }
    kalima::ACCEPT
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
            out(b"x");
            return 7;
        }
        "put-trap" => {
            out(b"x");
            panic!()
        }
        "trap" => panic!(),
        "swallow" => {
            kalima::put("no-slash", "key", b"v"); // Rust has nothing to catch with
            out(b"caught");
        }
        "swallow-reject" => kalima::reject(5, "no"),
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

fn overlay() {
    kalima::put("", "b", b"2");
    kalima::put("", "b", b"3");
    kalima::put("", "c", b"4");
    kalima::delete("", "a");
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

fn out(v: &[u8]) {
    kalima::put("", "out", v);
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
