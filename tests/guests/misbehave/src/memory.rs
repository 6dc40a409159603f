//! Memory: taking all of it, and looking through it.

use alloc::string::{String, ToString};
use core::arch::wasm32;

use serde_json::json;

/// The size of a page of WebAssembly.
const PAGE_BYTES: usize = 64 * 1024;

/// Grows the memory for as long as the host lets it.
pub(crate) fn allocate() -> ! {
    loop {
        let page = [1_u8; 1024].repeat(1024);
        core::hint::black_box(page.leak());
    }
}

/// Returns everything that the tool can see: what it was called with, and whether its memory holds the
/// text that `reversed` is when read backwards.
pub(crate) fn dump(config: &str, context: &[(String, String)], reversed: &str) -> String {
    let bytes = wasm32::memory_size::<0>() * PAGE_BYTES;
    json!({
        "status": "completed",
        "config": config,
        "context": context,
        "memory_bytes": bytes,
        "found": !reversed.is_empty() && holds(bytes, reversed.as_bytes()),
    })
    .to_string()
}

fn holds(bytes: usize, reversed: &[u8]) -> bool {
    (1..bytes.saturating_sub(reversed.len())).any(|address| {
        let forwards = reversed.iter().rev();
        forwards
            .enumerate()
            .all(|(offset, byte)| byte_at(address + offset) == *byte)
    })
}

#[expect(
    unsafe_code,
    reason = "what is not a value of this program is looked at as well"
)]
fn byte_at(address: usize) -> u8 {
    let pointer: *const u8 = core::ptr::with_exposed_provenance(address);
    // SAFETY: every address below the size of the memory can be read.
    unsafe { pointer.read_volatile() }
}
