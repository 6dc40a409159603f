use alloc::alloc::{alloc, realloc};
use core::alloc::Layout;
use core::panic::PanicInfo;

use super::bindings::noetl::tool::progress;

/// Writes a panic to the host's log, which is the only place where it can be seen.
pub fn log_panic(info: &PanicInfo<'_>) {
    progress::log("error", &alloc::format!("{info}"));
}

/// Allocates or grows memory that the host is about to write.
///
/// # Safety
///
/// `old` is what this function returned for `old_bytes` bytes and the same `align`, a power of two;
/// with `old_bytes` 0 it is not looked at.
#[expect(unsafe_code, reason = "the canonical ABI allocates by raw pointers")]
pub unsafe fn reallocate(
    old: *mut u8,
    old_bytes: usize,
    align: usize,
    new_bytes: usize,
) -> *mut u8 {
    if new_bytes == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    let bytes = if old_bytes == 0 { new_bytes } else { old_bytes };
    let Ok(layout) = Layout::from_size_align(bytes, align) else {
        core::arch::wasm32::unreachable();
    };
    // SAFETY: no layout is empty here, and `old` is what the caller promises.
    let new = unsafe {
        if old_bytes == 0 {
            alloc(layout)
        } else {
            realloc(old, layout, new_bytes)
        }
    };
    if new.is_null() {
        core::arch::wasm32::unreachable();
    }
    new
}

/// `memcmp` and similar functions, which the compiler may call anywhere. Nothing else of the C
/// library is used, so nothing else is linked.
#[expect(unsafe_code, reason = "linking a library is unsafe; nothing is called")]
mod c_library {
    #[link(name = "c")]
    unsafe extern "C" {}
}
