// small.c in Rust, with the stack and the static data that rustc gives it.
#![no_std]

#[link(wasm_import_module = "kalima")]
extern "C" {
    fn get(addr: *const u8, alen: u32, key: *const u8, klen: u32, buf: *mut u8, cap: u32) -> i32;
    fn put(addr: *const u8, alen: u32, key: *const u8, klen: u32, val: *const u8, vlen: u32);
}

// Where the tests look for what a call left behind.
static mut CALLS: u32 = 0;

#[no_mangle]
pub extern "C" fn kalima_abi() -> i32 {
    1
}

#[no_mangle]
pub unsafe extern "C" fn validate() -> i32 {
    CALLS += 1;
    let mut v = [0u8; 64];
    let n = get(b"".as_ptr(), 0, b"k".as_ptr(), 1, v.as_mut_ptr(), 64);
    let n = if n < 0 { 1 } else { n };
    v[0] = b'0' + CALLS as u8;
    put(b"".as_ptr(), 0, b"k".as_ptr(), 1, v.as_ptr(), n as u32);
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
