//! A tool of any version: tests of changing components patch this one.
//!
//! The component holds the text `noetl-test-version:100.100.100` exactly once. Its version is the part
//! after the colon, so overwriting these eleven bytes with any `NNN.NNN.NNN` (no leading zeros) makes a
//! component of another version, and of another digest.
//!
//! `invoke` returns its own version. With `{"wait": true}` it creates a job that sleeps and waits until
//! somebody ends it, before it does so.

#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};

use noetl_tool_sdk::{
    Capability, Context, Error, Host, Job, JobSpec, Status, Tool, export_tool, no_std_runtime,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a test looks for, and the version behind it.
static MARKER: [u8; 30] = *b"noetl-test-version:100.100.100";
/// The part before the version.
const LABEL_BYTES: usize = "noetl-test-version:".len();

struct Versions;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Whether to wait for a job first.
    #[serde(default)]
    wait: bool,
}

#[derive(Serialize)]
struct Outcome {
    status: Status,
    version: String,
}

impl Tool for Versions {
    const KIND: &'static str = "versions";
    const SUMMARY: &'static str = "Says which version it is.";
    const CAPABILITIES: &'static [Capability] = &[Capability::Jobs, Capability::Progress];

    type Config = Config;
    type Outcome = Outcome;

    fn run(host: &impl Host, config: Config, context: &Context) -> Result<Outcome, Error> {
        let mut status = Status::Completed;
        if config.wait {
            let execution_id = context.execution_id().unwrap_or("0");
            let name = format!("versions-{execution_id}");
            let spec = JobSpec::new(name).command(&["sleep", "3600"]);
            status = host.create_job(spec)?.wait()?.status.into();
        }
        Ok(Outcome {
            status,
            version: version().to_string(),
        })
    }
}

export_tool!(Versions, version = version());
no_std_runtime!();

/// Reads the marker as it is in the component, and not as it was when this was compiled.
fn version() -> &'static str {
    let marker: &'static [u8] = core::hint::black_box(&MARKER);
    let version = marker.get(LABEL_BYTES..).unwrap_or_default();
    core::str::from_utf8(version).unwrap_or_default()
}
