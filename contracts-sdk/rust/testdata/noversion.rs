//! The contract "noversion" of package hosttest: it does not say which ABI it was built for.
#![no_std]

#[no_mangle]
pub extern "C" fn validate() -> i32 {
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
