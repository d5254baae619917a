//! The host functions, as abi/doc.go lists them. Every pointer must be valid for the length
//! beside it; the host checks them against the memory.

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "kalima")]
extern "C" {
    pub fn field(id: i32, buf: *mut u8, cap: usize) -> i32;
    pub fn number(id: i32) -> i64;
    pub fn get(addr: *const u8, alen: usize, key: *const u8, klen: usize, buf: *mut u8, cap: usize) -> i32;
    pub fn put(addr: *const u8, alen: usize, key: *const u8, klen: usize, val: *const u8, vlen: usize);
    pub fn delete(addr: *const u8, alen: usize, key: *const u8, klen: usize);
    pub fn next(addr: *const u8, alen: usize, after: *const u8, tlen: usize, buf: *mut u8, cap: usize) -> i32;
    pub fn submit(addr: *const u8, alen: usize, key: *const u8, klen: usize, val: *const u8, vlen: usize);
    pub fn log(msg: *const u8, mlen: usize);
    pub fn reject(code: i32, msg: *const u8, mlen: usize);
    pub fn sha256(ptr: *const u8, len: usize, out: *mut u8);
    pub fn ed25519_verify(public: *const u8, msg: *const u8, mlen: usize, sig: *const u8) -> i32;
    pub fn random(buf: *mut u8, len: usize);
    pub fn get_many(list: *const u8, len: usize) -> i32;
    pub fn scan(addr: *const u8, alen: usize, after: *const u8, tlen: usize, before: *const u8, blen: usize, limit: i32) -> i32;
    pub fn query(name: *const u8, nlen: usize, key: *const u8, klen: usize, arg: *const u8, arglen: usize) -> i32;
    pub fn reply(ptr: *const u8, len: usize);
    pub fn result(buf: *mut u8, cap: usize) -> i32;
    pub fn emit(topic: *const u8, tlen: usize, data: *const u8, dlen: usize);
    pub fn http(method: *const u8, mlen: usize, url: *const u8, ulen: usize, body: *const u8, blen: usize) -> i32;
    pub fn clock() -> i64;
}

/// On other targets the crate compiles, for editors and for tests of a contract's own
/// logic, and a call of the host panics.
#[cfg(not(target_arch = "wasm32"))]
mod elsewhere {
    macro_rules! outside {
        ($($name:ident($($kind:ty),*) $(-> $result:ty)?;)*) => {
            $(pub unsafe fn $name($(_: $kind),*) $(-> $result)? { crate::trap() })*
        };
    }
    outside! {
        field(i32, *mut u8, usize) -> i32;
        number(i32) -> i64;
        get(*const u8, usize, *const u8, usize, *mut u8, usize) -> i32;
        put(*const u8, usize, *const u8, usize, *const u8, usize);
        delete(*const u8, usize, *const u8, usize);
        next(*const u8, usize, *const u8, usize, *mut u8, usize) -> i32;
        submit(*const u8, usize, *const u8, usize, *const u8, usize);
        log(*const u8, usize);
        reject(i32, *const u8, usize);
        sha256(*const u8, usize, *mut u8);
        ed25519_verify(*const u8, *const u8, usize, *const u8) -> i32;
        random(*mut u8, usize);
        get_many(*const u8, usize) -> i32;
        scan(*const u8, usize, *const u8, usize, *const u8, usize, i32) -> i32;
        query(*const u8, usize, *const u8, usize, *const u8, usize) -> i32;
        reply(*const u8, usize);
        result(*mut u8, usize) -> i32;
        emit(*const u8, usize, *const u8, usize);
        http(*const u8, usize, *const u8, usize, *const u8, usize) -> i32;
        clock() -> i64;
    }
}
#[cfg(not(target_arch = "wasm32"))]
pub use elsewhere::*;
