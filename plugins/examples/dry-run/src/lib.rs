//! Replaces the tool `script` and runs nothing: it fetches the script and reports what would have run. Load
//! this component to try a playbook without jobs.
//!
//! It reads the keys that it needs and ignores the others, so that playbooks written for the real tool work
//! unchanged.

use std::collections::BTreeMap;
use std::time::Duration;

use noetl_tool_sdk::{
    Capability, Context, Error, FetchOptions, Fields, Host, Object, Status, Tool, export_tool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How much of a script is read to find its first line.
const FIRST_LINE_BYTES: u32 = 256;

/// The tool `script` that runs nothing.
#[derive(Debug)]
pub struct DryRun;

/// The configuration of the tool `script`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// The script.
    script: Script,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Script {
    /// Where it is.
    uri: Option<String>,
    /// The script itself, instead of a URI.
    content: Option<String>,
    /// How to fetch it.
    source: Option<BTreeMap<String, Value>>,
    /// What runs it.
    interpreter: Option<Value>,
}

/// What would have run.
#[derive(Debug, Serialize)]
pub struct Outcome {
    status: Status,
    output: String,
    would_run: WouldRun,
}

#[derive(Debug, Serialize)]
struct WouldRun {
    uri: Option<String>,
    bytes: u64,
    sha256: String,
    interpreter: Option<String>,
}

impl Tool for DryRun {
    const KIND: &'static str = "script";
    const SUMMARY: &'static str =
        "Fetches a script and reports what would have run, without running it.";
    const CAPABILITIES: &'static [Capability] = &[Capability::Objects];
    const FIELDS: Fields = Fields {
        objects: &[
            ("", "script.source"),
            ("timeout-ms", "script.source.timeout"),
            ("uri", "script.uri"),
        ],
        jobs: &[],
    };

    type Config = Config;
    type Outcome = Outcome;

    fn run(host: &impl Host, config: Config, _context: &Context) -> Result<Outcome, Error> {
        let Script {
            uri,
            content,
            source,
            interpreter,
        } = config.script;
        let object = match (content, &uri) {
            (Some(content), _) => host.create_object(content.as_bytes())?,
            (None, Some(uri)) => host.fetch_object(uri, options(source.unwrap_or_default()))?,
            (None, None) => {
                return Err(Error::invalid(
                    "script.uri",
                    "the location of the script is missing",
                ));
            }
        };
        let would_run = WouldRun {
            bytes: object.size_bytes(),
            sha256: object.metadata().get("sha256").unwrap_or_default().into(),
            interpreter: match interpreter {
                Some(stated) => Some(words(&stated)),
                None => from_first_line(&object.read(0, FIRST_LINE_BYTES)?),
            },
            uri,
        };
        Ok(Outcome {
            status: Status::Completed,
            output: format!(
                "would have run `{}` ({} bytes) with {}\n",
                would_run
                    .uri
                    .as_deref()
                    .unwrap_or("the script of the playbook"),
                would_run.bytes,
                would_run
                    .interpreter
                    .as_deref()
                    .unwrap_or("the program for its extension"),
            ),
            would_run,
        })
    }
}

export_tool!(DryRun);

/// The keys of `source` are the options of the host, except for the unit of the timeout.
fn options(source: BTreeMap<String, Value>) -> FetchOptions {
    let mut options = FetchOptions::new();
    for (name, value) in source {
        let seconds = (name == "timeout").then(|| number(&value)).flatten();
        options = match seconds.map(Duration::try_from_secs_f64) {
            Some(Ok(timeout)) => options.timeout(timeout),
            _ => options.option(name, &value),
        };
    }
    options
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

fn words(interpreter: &Value) -> String {
    match interpreter {
        Value::String(text) => text.clone(),
        Value::Array(words) => {
            let words = words.iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

fn from_first_line(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next()?.strip_prefix("#!")?.trim();
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use noetl_tool_sdk::mock::{Call, MockHost, Operation};
    use serde_json::json;

    use super::DryRun;

    const URI: &str = "https://example.com/etl.py";

    #[test]
    fn says_what_would_have_run() {
        let host = MockHost::new().object(URI, "#!/usr/bin/env python3\n");
        let config = json!({
            "script": {"uri": URI, "source": {"type": "http", "timeout": 1.5}},
            "args": {"a": 1},
            "job": {"image": "python:3.11-slim"},
        });
        let outcome = host.call::<DryRun>(&config).unwrap();
        assert_eq!(outcome["status"], "completed");
        assert_eq!(outcome["would_run"]["bytes"], 23);
        assert_eq!(outcome["would_run"]["interpreter"], "/usr/bin/env python3");
        assert_eq!(outcome["would_run"]["sha256"].as_str().unwrap().len(), 64);

        let Some(Call::FetchObject { options, .. }) = host.calls_of(Operation::FetchObject).pop()
        else {
            panic!("a fetch");
        };
        assert_eq!(json!(options), json!({"type": "http", "timeout-ms": 1500}));
        assert_eq!(host.calls_of(Operation::CreateJob), []);
    }

    #[test]
    fn knows_a_script_of_the_playbook_and_a_stated_interpreter() {
        let config = json!({"script": {"content": "x", "interpreter": ["python3", "-u"]}});
        let outcome = MockHost::new().call::<DryRun>(&config).unwrap();
        assert_eq!(outcome["would_run"]["interpreter"], "python3 -u");
    }

    #[test]
    fn names_what_is_missing() {
        let error = MockHost::new()
            .call::<DryRun>(&json!({"script": {}}))
            .unwrap_err();
        assert_eq!(error.field(), Some("script.uri"));
    }
}
