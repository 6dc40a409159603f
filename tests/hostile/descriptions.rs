//! Tools that describe themselves wrongly or never.

use serde_json::{Value, json};

use crate::case::{Bound, Case, refused};
use crate::tool::{Tool, described, description};

const BOUND: Bound = Bound::seconds(5, 256);
/// What computes until it is ended, which is after five seconds.
const COMPUTES: Bound = Bound::seconds(12, 256);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = behaviour();
    cases.extend(contents());
    cases
}

fn behaviour() -> Vec<Case> {
    vec![
        refused(
            "`describe` that does not end",
            COMPUTES,
            "computed for more than",
            || doing("(loop (br 0)) unreachable"),
        ),
        refused(
            "`describe` that recurses",
            BOUND,
            "call stack is full",
            || doing("(call $describe)"),
        ),
        refused("`describe` that traps", BOUND, "unreachable", || {
            doing("unreachable")
        }),
        refused(
            "`describe` that takes all memory",
            BOUND,
            "bytes of memory",
            || {
                doing(
                    "(loop (br_if 0 (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable",
                )
            },
        ),
        refused(
            "`describe` that waits for an hour",
            Bound::seconds(20, 256),
            "waited for more than 10 s",
            waiting,
        ),
        refused("a text of 60 MiB", BOUND, "passed more than", || {
            doing(
                "(drop (memory.grow (i32.const 960)))
                 (i32.store (i32.const 16) (i32.const 0))
                 (i32.store (i32.const 20) (i32.const 62914560)) (i32.const 16)",
            )
        }),
        refused(
            "a text outside of its memory",
            BOUND,
            "out of bounds",
            || {
                doing(
                    "(i32.store (i32.const 16) (i32.const -8))
                 (i32.store (i32.const 20) (i32.const 4096)) (i32.const 16)",
                )
            },
        ),
    ]
}

fn contents() -> Vec<Case> {
    let wrong = "has an invalid description";
    vec![
        refused("bytes that are not UTF-8", BOUND, "utf-8", || {
            Tool::new(&[0xff; 100]).build()
        }),
        refused("a text that is not JSON", BOUND, wrong, || {
            Tool::new(b"kind: hostile").build()
        }),
        refused("an empty text", BOUND, wrong, || Tool::new(b"").build()),
        refused("JSON 100,000 lists deep", BOUND, wrong, || {
            Tool::new("[".repeat(100_000).as_bytes()).build()
        }),
        refused(
            "a text of 4 MB",
            BOUND,
            "at most 1048576 are allowed",
            || with("summary", json!("x".repeat(4_000_000))),
        ),
        refused(
            "a schema of 300,000 lists",
            BOUND,
            "schema cannot be used",
            || {
                let lists = vec!["[]"; 300_000].join(",");
                let text = format!(r#"{{"kind":"hostile","version":"1.0.0","schema":[{lists}]}}"#);
                Tool::new(text.as_bytes()).build()
            },
        ),
        refused("a kind that is a number", BOUND, wrong, || {
            with("kind", json!(5))
        }),
        refused("no kind", BOUND, wrong, || {
            Tool::new(b"{\"version\":\"1.0.0\"}").build()
        }),
        refused("a kind of 5,000 characters", BOUND, wrong, || {
            with("kind", json!("k".repeat(5_000)))
        }),
        refused("a kind with control characters", BOUND, wrong, || {
            with("kind", json!("a\u{1b}[2Jb\nc"))
        }),
        refused("an invalid version", BOUND, wrong, || {
            with("version", json!("latest"))
        }),
        refused(
            "a version of 5,000 characters",
            BOUND,
            "its version has 5006 bytes",
            || with("version", json!(format!("1.0.0-{}", "a".repeat(5_000)))),
        ),
        refused(
            "a summary of 900,000 bytes",
            BOUND,
            "its summary has 900000 bytes",
            || with("summary", json!("x".repeat(900_000))),
        ),
    ]
}

/// A tool whose `describe` does this.
fn doing(instructions: &str) -> Vec<u8> {
    let mut tool = Tool::new(b"{}");
    tool.describe = instructions.to_owned();
    tool.build()
}

/// A tool whose description has this member.
fn with(name: &str, value: Value) -> Vec<u8> {
    let mut description = description("hostile");
    description[name] = value;
    described(&description)
}

/// A tool whose `describe` waits on a clock, which is not computing.
fn waiting() -> Vec<u8> {
    let mut tool = Tool::new(b"{}");
    tool.component = r#"
      (import "wasi:io/poll@0.2.0" (instance $poll
        (export "pollable" (type $pollable (sub resource)))
        (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
      (alias export $poll "pollable" (type $pollable))
      (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
        (alias outer 1 $pollable (type $outer))
        (export "pollable" (type $pollable (eq $outer)))
        (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
      (core func $subscribe (canon lower (func $clock "subscribe-duration")))
      (core func $block (canon lower (func $poll "[method]pollable.block")))"#
        .to_owned();
    tool.module = r#"
      (import "wasi" "subscribe" (func $subscribe (param i64) (result i32)))
      (import "wasi" "block" (func $block (param i32)))"#
        .to_owned();
    tool.with = r#"(with "wasi" (instance
        (export "subscribe" (func $subscribe)) (export "block" (func $block))))"#
        .to_owned();
    tool.describe =
        "(call $block (call $subscribe (i64.const 3600000000000))) unreachable".to_owned();
    tool.build()
}
