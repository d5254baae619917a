//! Kalima contract SDK for Rust, ABI version 1.
//!
//! A contract is a `cdylib` for `wasm32-unknown-unknown` that exports an entry for each
//! phase it serves. [`entries!`] makes them of functions that return `Result<(), Reject>`:
//!
//! ```ignore
//! #![no_std]
//! use kalima_contract::{entries, reject_if, Reject};
//!
//! entries! { validate: check }
//!
//! fn check() -> Result<(), Reject> {
//!     reject_if(kalima_contract::key().len() > 20, 1, "key is too long")
//! }
//! ```
//!
//! Without the macro an entry is a `#[no_mangle] pub extern "C" fn validate() -> i32` that
//! returns [`ACCEPT`], or any other number to reject.
//!
//! The crate takes no memory from a heap: whatever produces bytes writes them to a buffer
//! of the caller, and [`Text`] is a string of fixed capacity. An empty address (`""`) names
//! the contract's own state. What the host does not allow (a malformed address, a write
//! that was not granted) ends the call, so no function of the host returns an error.
//!
//! Every call starts from the same memory: a `static` carries nothing to the next call.
#![no_std]
#![deny(missing_docs)]

mod entry;
mod event;
mod host;
mod lists;
mod text;
mod world;

pub use entry::{finish, reject_if, Reject};
pub use event::*;
pub use lists::{get_many, scan, Entries, Scan, Values};
pub use text::Text;
pub use world::*;

/// What an entry returns to accept.
pub const ACCEPT: i32 = 0;

/// The ABI version this crate was written for.
pub const ABI: i32 = 1;

/// Longest address in bytes.
pub const MAX_ADDRESS: usize = 255;
/// Most segments of an address.
pub const MAX_SEGMENTS: usize = 16;
/// Longest key in bytes.
pub const MAX_KEY: usize = 255;
/// Longest value in bytes.
pub const MAX_VALUE: usize = 15 * 1024;
/// Longest text of a rejection in bytes.
pub const MAX_MESSAGE: usize = 256;
/// Most keys of one [`get_many`].
pub const MAX_KEYS: usize = 64;
/// Most entries of one [`scan`].
pub const MAX_SCAN: usize = 256;
/// Longest answer of [`get_many`] and [`scan`] in bytes: entries, and lengths beside them.
pub const MAX_ANSWER: usize = 256 * 1024 + MAX_SCAN * 5;

#[no_mangle]
extern "C" fn kalima_abi() -> i32 {
    ABI
}

/// Copies a byte field of the call to `buf`. Traps when it does not fit.
pub fn field(field: Field, buf: &mut [u8]) -> &[u8] {
    let n = unsafe { host::field(field.0, buf.as_mut_ptr(), buf.len()) };
    taken(buf, n).unwrap_or_default()
}

/// Returns a numeric field of the call.
pub fn number(number: Number) -> i64 {
    unsafe { host::number(number.0) }
}

/// Copies the current value of a key, the call's own writes included, to `buf`. `None`
/// when there is none. Traps when it does not fit; see [`value_len`].
pub fn get<'a>(address: &str, key: &str, buf: &'a mut [u8]) -> Option<&'a [u8]> {
    let n = unsafe { host::get(address.as_ptr(), address.len(), key.as_ptr(), key.len(), buf.as_mut_ptr(), buf.len()) };
    taken(buf, n)
}

/// Returns the length of the current value of a key without copying it.
pub fn value_len(address: &str, key: &str) -> Option<usize> {
    let n = unsafe { host::get(address.as_ptr(), address.len(), key.as_ptr(), key.len(), core::ptr::null_mut(), 0) };
    usize::try_from(n).ok()
}

/// Writes a value; an empty one deletes.
pub fn put(address: &str, key: &str, value: &[u8]) {
    unsafe { host::put(address.as_ptr(), address.len(), key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

/// Deletes a key.
pub fn delete(address: &str, key: &str) {
    unsafe { host::delete(address.as_ptr(), address.len(), key.as_ptr(), key.len()) }
}

/// Finds the first key of the address that is greater than `after`, in byte order; start
/// with `""`. `None` at the end.
pub fn next(address: &str, after: &str) -> Option<Text<MAX_KEY>> {
    let mut buf = [0; MAX_KEY];
    let n = unsafe { host::next(address.as_ptr(), address.len(), after.as_ptr(), after.len(), buf.as_mut_ptr(), buf.len()) };
    let key = core::str::from_utf8(taken(&buf, n)?).ok()?;
    Some(Text::from(key))
}

/// Asks the node to send a put as a transaction of its own. React only.
pub fn submit(address: &str, key: &str, value: &[u8]) {
    unsafe { host::submit(address.as_ptr(), address.len(), key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

/// Keeps a line for people. It is never part of the outcome.
pub fn log(line: &str) {
    unsafe { host::log(line.as_ptr(), line.len()) }
}

/// Ends the call: the transaction is refused with this code and message.
pub fn reject(code: i32, message: &str) -> ! {
    unsafe { host::reject(code, message.as_ptr(), message.len()) };
    trap()
}

/// Ends the call with a trap.
pub fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    panic!("kalima: contracts run inside a host; build with --target wasm32-unknown-unknown");
}

/// Hashes bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    unsafe { host::sha256(bytes.as_ptr(), bytes.len(), digest.as_mut_ptr()) };
    digest
}

/// Reports whether the signature is valid.
pub fn ed25519_verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    unsafe { host::ed25519_verify(public.as_ptr(), message.as_ptr(), message.len(), signature.as_ptr()) == 1 }
}

/// Fills `buf` with bytes that are the same at every node and different in every call. A
/// sender can predict them: no secret, no lottery.
pub fn random(buf: &mut [u8]) {
    unsafe { host::random(buf.as_mut_ptr(), buf.len()) }
}

/// kept copies what the host keeps, which says n bytes.
fn kept(buf: &mut [u8], n: i32) -> Option<&[u8]> {
    if n >= 0 {
        unsafe { host::result(buf.as_mut_ptr(), buf.len()) };
    }
    taken(buf, n)
}

/// taken is the part of the buffer that the host wrote, which says n.
fn taken(buf: &[u8], n: i32) -> Option<&[u8]> {
    let n = usize::try_from(n).ok()?;
    match buf.get(..n) {
        None => trap(),
        written => written,
    }
}

#[cfg(all(target_arch = "wasm32", not(feature = "std")))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    if let Some(place) = info.location() {
        let mut line = Text::<300>::new();
        let file = place.file();
        if file.len() < 200 {
            line.push("panic at ").push(file).push(":").push_int(place.line().into());
        }
        log(line.as_str());
    }
    trap()
}
