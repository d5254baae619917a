//! The contract "abi2" of package hosttest: built for an ABI version that is not there yet.
#![no_std]

#[no_mangle]
pub extern "C" fn kalima_abi() -> i32 {
    2
}

#[no_mangle]
pub extern "C" fn validate() -> i32 {
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
