//! The least that a tool can be, to measure a host with.
//!
//! It imports `noetl:tool/progress@0.1.0` for the function `log`, and `noetl:tool/types@0.1.0` for a
//! type. `invoke` calls `log("info", "")` as many times as the first number in its configuration says
//! (`{"host_calls": 6}`), and returns `{"status":"completed"}`.

#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use noetl_tool_sdk::bindings::exports::noetl::tool::handler::Guest;
use noetl_tool_sdk::bindings::noetl::tool::{progress, types::Error};
use noetl_tool_sdk::{bindings, no_std_runtime};

struct Empty;

impl Guest for Empty {
    fn describe() -> String {
        r#"{"kind":"empty","version":"1.0.0","summary":"Does nothing.","schema":{"type":"object","properties":{"host_calls":{"type":"integer","minimum":0}},"additionalProperties":false},"capabilities":["progress"]}"#.into()
    }

    fn invoke(config: String, _context: Vec<(String, String)>) -> Result<String, Error> {
        for _ in 0..first_number(config.as_bytes()) {
            progress::log("info", "");
        }
        Ok(r#"{"status":"completed"}"#.into())
    }
}

bindings::export_handler!(Empty with_types_in bindings);
no_std_runtime!();

/// The first number of a text; 0 where there is none. A JSON parser would be most of the component.
fn first_number(text: &[u8]) -> u32 {
    text.iter()
        .skip_while(|byte| !byte.is_ascii_digit())
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_u32, |number, digit| {
            number
                .wrapping_mul(10)
                .wrapping_add(u32::from(digit - b'0'))
        })
}
