//! The names that a real host refuses, in its words.

use alloc::format;

use crate::error::{Error, Result, code};
use crate::is_variable_name;

/// Checks the kind of a tool.
pub(super) fn check_kind(kind: &str) -> Result<()> {
    let is_plain = |byte: &u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let bytes = kind.as_bytes();
    let begins_plain = bytes.first().is_some_and(u8::is_ascii_lowercase);
    if begins_plain && bytes.len() <= 63 && bytes.iter().all(is_plain) {
        return Ok(());
    }
    let shown = kind.escape_debug();
    let message = format!(
        "invalid kind `{shown}`: expected at most 63 lowercase letters, digits, `-` and `_`, starting with a letter"
    );
    Err(Error::new(code::INVALID_REQUEST, message))
}

/// Checks the name of a job.
pub(super) fn check_job_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let ends_are_plain = [bytes.first(), bytes.last()]
        .iter()
        .all(|byte| byte.is_some_and(|byte| is_plain(*byte)));
    let is_label = ends_are_plain
        && bytes.len() <= 52
        && bytes.iter().all(|byte| is_plain(*byte) || *byte == b'-');
    let expected = "a DNS label of at most 52 characters";
    check(is_label, "job", name, expected)
}

/// Checks the name of a script's file.
pub(super) fn check_file_name(name: &str) -> Result<()> {
    let is_plain =
        !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains(['/', '\\', '\0']);
    let expected = "at most 255 bytes without `/`, `\\` and NUL, other than `.` and `..`";
    check(is_plain, "file", name, expected)
}

/// Checks the name of an entry of a secret.
pub(super) fn check_variable_name(name: &str) -> Result<()> {
    let expected = "letters, digits and `_`, not beginning with a digit";
    check(is_variable_name(name), "variable", name, expected)
}

fn check(is_valid: bool, what: &str, name: &str, expected: &str) -> Result<()> {
    if is_valid {
        return Ok(());
    }
    let shown = name.escape_debug();
    let message = format!("invalid {what} name `{shown}`: expected {expected}");
    Err(Error::new(code::INVALID_REQUEST, message))
}
