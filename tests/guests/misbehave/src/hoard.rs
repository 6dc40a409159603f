//! Handles that cost the tool little and the host much.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_tool_sdk::bindings::noetl::tool::jobs::JobSpec;
use noetl_tool_sdk::bindings::noetl::tool::objects::create_object;
use noetl_tool_sdk::bindings::noetl::tool::secrets::{Secret, SecretEntry, create_secret};
use noetl_tool_sdk::bindings::noetl::tool::types::Error;

/// The size of one call's argument: a little less than the limit.
const LARGE_BYTES: usize = 7 << 20;
/// How often it is tried unless the configuration says otherwise: not for long.
const TIMES: usize = 8;

pub(crate) fn default_times() -> usize {
    TIMES
}

/// Keeps secrets of seven megabytes.
pub(crate) fn secrets(times: usize) -> String {
    let value = "x".repeat(LARGE_BYTES);
    hoard(times, |_| secret(&value))
}

/// Drops each secret before the next.
pub(crate) fn drop_secrets(times: usize) -> String {
    let value = "x".repeat(LARGE_BYTES);
    hoard(times, |_| secret(&value).map(drop))
}

/// Keeps specifications of jobs, each with the environment of one secret of seven megabytes that was dropped.
pub(crate) fn specs(times: usize) -> String {
    let value = "x".repeat(LARGE_BYTES);
    hoard(times, |_| {
        let spec = JobSpec::new("hoard");
        spec.set_environment(&secret(&value)?)?;
        Ok(spec)
    })
}

/// Gives one job option after option, each a list of small values.
pub(crate) fn options(times: usize) -> String {
    let value = format!("[{}0]", "0,".repeat(100_000));
    let spec = JobSpec::new("hoard");
    hoard(times, |number| {
        spec.set(&[(&format!("option{number}"), &value)])
    })
}

/// Keeps specifications of jobs, each with a script whose object was dropped.
pub(crate) fn scripts(times: usize) -> String {
    let script = "x".repeat(LARGE_BYTES);
    hoard(times, |_| {
        let spec = JobSpec::new("hoard");
        spec.set_script("a.sh", &create_object(script.as_bytes())?)?;
        Ok(spec)
    })
}

/// Keeps specifications of jobs with names of seven megabytes, which nothing refuses until they are used.
pub(crate) fn names(times: usize) -> String {
    let name = "x".repeat(LARGE_BYTES);
    hoard(times, |_| Ok(JobSpec::new(&name)))
}

/// Returns a document that takes fifty times as much once it is read.
pub(crate) fn outcome() -> String {
    format!(
        r#"{{"status":"completed","list":[{}0]}}"#,
        "0,".repeat(LARGE_BYTES / 2)
    )
}

fn secret(value: &str) -> Result<Secret, Error> {
    create_secret(&[SecretEntry {
        name: "A",
        value,
        format: "text",
    }])
}

/// Makes something again and again, and keeps it, until the host has enough of it.
fn hoard<T>(times: usize, mut make: impl FnMut(usize) -> Result<T, Error>) -> String {
    let mut held = Vec::new();
    for number in 0..times {
        match make(number) {
            Ok(made) => held.push(made),
            Err(error) => {
                let code = error.code;
                return format!(r#"{{"status":"completed","created":{number},"code":"{code}"}}"#);
            }
        }
    }
    format!(r#"{{"status":"completed","created":{times},"code":""}}"#)
}
