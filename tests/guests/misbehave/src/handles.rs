//! Handles that the host did not give, or took back.

use alloc::format;
use alloc::string::String;

use noetl_tool_sdk::bindings::noetl::tool::objects::{Object, create_object};
use noetl_tool_sdk::bindings::noetl::tool::types::Error;

/// An index that no call of a test gets to.
const FOREIGN: u32 = 9999;

/// Uses a handle that it was never given.
#[expect(
    unsafe_code,
    reason = "the host must not depend on what a tool promises"
)]
pub(crate) fn foreign() -> String {
    // SAFETY: none. The host checks every index, and traps.
    let object = unsafe { Object::from_handle(FOREIGN) };
    read(&object)
}

/// Uses a handle after it was dropped.
#[expect(
    unsafe_code,
    reason = "the host must not depend on what a tool promises"
)]
pub(crate) fn use_after_drop() -> Result<String, Error> {
    let handle = create_object(b"a")?.take_handle();
    // SAFETY: the handle was given by the host, and taken out of its owner.
    drop(unsafe { Object::from_handle(handle) });
    // SAFETY: none. The host checks every index, and traps.
    let object = unsafe { Object::from_handle(handle) };
    Ok(read(&object))
}

fn read(object: &Object) -> String {
    let bytes = object.size_bytes();
    format!(r#"{{"status":"completed","bytes":{bytes}}}"#)
}
