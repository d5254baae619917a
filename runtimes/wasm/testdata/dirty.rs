// What dirty.c does, in the words of Rust: statics, the stack, memory that it takes. The
// event's key says how the call ends.
#![no_std]

#[link(wasm_import_module = "kalima")]
extern "C" {
    fn field(id: i32, buf: *mut u8, cap: u32) -> i32;
    fn put(addr: *const u8, alen: u32, key: *const u8, klen: u32, val: *const u8, vlen: u32);
    fn random(buf: *mut u8, n: u32);
    fn reject(code: i32, msg: *const u8, len: u32);
}

static mut CALLS: u32 = 7;
static mut KEPT: [u8; 5000] = [3; 5000];
static mut FIRST: fn(u32) -> u32 = one;

fn one(x: u32) -> u32 {
    x + 1
}
fn two(x: u32) -> u32 {
    x * 2
}

#[no_mangle]
pub extern "C" fn kalima_abi() -> i32 {
    1
}

#[no_mangle]
pub unsafe extern "C" fn validate() -> i32 {
    let mut key = [0u8; 8];
    let n = field(2, key.as_mut_ptr(), 8);
    if n == 4 {
        let sum: u32 = (*core::ptr::addr_of!(KEPT)).iter().map(|b| *b as u32).sum();
        let pages = core::arch::wasm32::memory_size(0) as u32;
        let v = [CALLS, sum, pages, FIRST(5)];
        put(b"".as_ptr(), 0, b"out".as_ptr(), 3, v.as_ptr() as *const u8, 16);
        return 0;
    }
    CALLS += 1;
    FIRST = two;
    random(core::ptr::addr_of_mut!(KEPT) as *mut u8, 5000);
    let mut deep = [1u8; 20000];
    random(deep.as_mut_ptr(), 20000);
    match key[0] {
        b'g' => {
            let at = core::arch::wasm32::memory_grow(0, 3);
            random((at * 65536) as *mut u8, 60000);
        }
        b'r' => reject(3, b"no".as_ptr(), 2),
        b't' => core::arch::wasm32::unreachable(),
        b'l' => loop {
            core::ptr::write_volatile(core::ptr::addr_of_mut!(CALLS), CALLS.wrapping_add(1));
        },
        _ => {}
    }
    deep[(key[0] as usize) * 7] as i32 & 1
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
