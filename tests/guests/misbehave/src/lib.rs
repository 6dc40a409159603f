//! A tool that does what a tool must not: `{"action": …}` says what.
//!
//! `tests/guests/README.md` lists every action and the expected behavior of the host. The actions
//! are an `enum` in the schema, so that a test can ask the component for them and miss none.

#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod fetch;
mod handles;
mod hoard;
mod jobs;
mod memory;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use noetl_tool_sdk::bindings::exports::noetl::tool::handler::Guest;
use noetl_tool_sdk::bindings::noetl::tool::types::Error as AbiError;
use noetl_tool_sdk::bindings::noetl::tool::{objects, progress, secrets};
use noetl_tool_sdk::{
    Capability, Context, Error, Host, Tool, bindings, code, describe, no_std_runtime,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What `return-huge` returns and `huge-argument` passes.
const HUGE_BYTES: usize = 100 << 20;

struct Misbehave;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    action: Action,
    /// For `dump`: a text to look for in the whole memory, backwards, so that it is not there because it
    /// was asked for.
    #[serde(default)]
    needle: String,
    /// For what hoards: how often it is tried.
    #[serde(default = "hoard::default_times")]
    times: usize,
    /// For `dump`: anything else, to be found in what it returns.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    #[expect(
        dead_code,
        reason = "it is returned as a part of the configuration's text"
    )]
    payload: serde::de::IgnoredAny,
    /// For `fetch`: what, and how.
    fetch: Option<fetch::Fetch>,
}

// Without descriptions, so that the schema has an `enum`.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Allocate,
    BadCursor,
    BadJson,
    DropSecrets,
    Dump,
    Fetch,
    FloodLog,
    ForeignHandle,
    ForgeSealed,
    GreedyWait,
    HoardNames,
    HoardOptions,
    HoardOutcome,
    HoardScripts,
    HoardSecrets,
    HoardSpecs,
    Hold,
    HugeArgument,
    LeaveJob,
    Loop,
    ManyJobs,
    ManyObjects,
    Panic,
    Recurse,
    ReturnHuge,
    Trap,
    UseAfterDrop,
}

/// Describes the tool; what it does is [`Guest::invoke`], since half of it is nothing that the kit allows.
impl Tool for Misbehave {
    const KIND: &'static str = "misbehave";
    const SUMMARY: &'static str = "Does what a tool must not.";
    const CAPABILITIES: &'static [Capability] = &[
        Capability::Objects,
        Capability::Secrets,
        Capability::Jobs,
        Capability::Logs,
        Capability::Progress,
    ];

    type Config = Config;
    type Outcome = ();

    fn run(_host: &impl Host, _config: Config, _context: &Context) -> Result<(), Error> {
        Err(Error::new(code::INTERNAL, "this tool is called by the ABI"))
    }
}

impl Guest for Misbehave {
    fn describe() -> String {
        describe::<Self>(env!("CARGO_PKG_VERSION"))
    }

    fn invoke(text: String, context: Vec<(String, String)>) -> Result<String, AbiError> {
        let config: Config = serde_json::from_str(&text).map_err(|error| AbiError {
            code: code::INVALID_REQUEST.to_string(),
            message: error.to_string(),
            retryable: false,
            details: Vec::new(),
        })?;
        match config.action {
            Action::Allocate => memory::allocate(),
            Action::BadCursor => jobs::bad_cursor(&context),
            Action::BadJson => Ok("{\"status\": \"completed\",".to_string()),
            Action::DropSecrets => Ok(hoard::drop_secrets(config.times)),
            Action::Dump => Ok(memory::dump(&text, &context, &config.needle)),
            Action::Fetch => fetch::fetch(config.fetch.unwrap_or_default()),
            Action::FloodLog => flood_log(),
            Action::ForeignHandle => Ok(handles::foreign()),
            Action::ForgeSealed => forge_sealed(&context),
            Action::GreedyWait => jobs::wait(&context, u32::MAX),
            Action::HoardNames => Ok(hoard::names(config.times)),
            Action::HoardOptions => Ok(hoard::options(config.times)),
            Action::HoardOutcome => Ok(hoard::outcome()),
            Action::HoardScripts => Ok(hoard::scripts(config.times)),
            Action::HoardSecrets => Ok(hoard::secrets(config.times)),
            Action::HoardSpecs => Ok(hoard::specs(config.times)),
            Action::Hold => jobs::wait(&context, jobs::WAIT_MS),
            Action::HugeArgument => huge_argument(),
            Action::LeaveJob => jobs::leave(&context),
            Action::Loop => endless(),
            Action::ManyJobs => Ok(jobs::many(&context)),
            Action::ManyObjects => Ok(many_objects()),
            Action::Panic => panic(),
            Action::Recurse => Ok(format!("{}", recurse(0, core::hint::black_box(u64::MAX)))),
            Action::ReturnHuge => Ok(huge_text()),
            Action::Trap => core::arch::wasm32::unreachable(),
            Action::UseAfterDrop => handles::use_after_drop(),
        }
    }
}

bindings::export_handler!(Misbehave with_types_in bindings);
no_std_runtime!();

fn endless() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Recurses without the stack in linear memory, so that the engine's own stack ends first.
fn recurse(depth: u64, end: u64) -> u64 {
    if depth == end {
        return depth;
    }
    let below = recurse(depth + 1, end);
    below.rotate_left(7) ^ depth
}

#[expect(clippy::panic, reason = "a host must survive it, and show the message")]
fn panic() -> ! {
    panic!("the tool panics as configured")
}

fn flood_log() -> ! {
    loop {
        progress::log("info", "a line that is repeated without end");
        progress::report("flooding", "once more", &[("again", "and again")]);
    }
}

fn huge_text() -> String {
    format!(
        r#"{{"status":"completed","output":"{}"}}"#,
        "x".repeat(HUGE_BYTES)
    )
}

fn huge_argument() -> Result<String, AbiError> {
    let object = objects::create_object("x".repeat(HUGE_BYTES).as_bytes())?;
    Ok(format!(
        r#"{{"status":"completed","bytes":{}}}"#,
        object.size_bytes()
    ))
}

/// Holds a thousand bytes more with every object, until the host has enough of it.
fn many_objects() -> String {
    let mut held = Vec::new();
    loop {
        match objects::create_object(&[0; 1000]) {
            Ok(object) => held.push(object),
            Err(error) => {
                let (count, code) = (held.len(), error.code);
                return format!(r#"{{"status":"completed","created":{count},"code":"{code}"}}"#);
            }
        }
    }
}

/// Makes up a reference of the right form, and a job that would write what it stands for.
fn forge_sealed(context: &[(String, String)]) -> Result<String, AbiError> {
    let forged = secrets::SecretEntry {
        name: "FORGED",
        value: &format!("sealed.{}", "0".repeat(32)),
        format: "text",
    };
    let secret = secrets::create_secret(&[forged])?;
    assert_eq!(secret.names(), ["FORGED"]);
    jobs::print_environment(context, &secret)
}
