//! Greets someone from a job.

use noetl_tool_sdk::{
    Capability, Context, Error, Host, Job, JobSpec, SecretEntry, Status, Tool, export_tool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct Greet;

/// The configuration in the playbook, without `kind: greet`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Whom to greet. If it depends on a secret, the tool does not learn its value.
    name: String,
}

#[derive(Serialize)]
struct Outcome {
    status: Status,
    output: String,
}

impl Tool for Greet {
    const KIND: &'static str = "greet";
    const SUMMARY: &'static str = "Greets someone from a job.";
    const CAPABILITIES: &'static [Capability] =
        &[Capability::Secrets, Capability::Jobs, Capability::Logs];

    type Config = Config;
    type Outcome = Outcome;

    fn run(host: &impl Host, config: Config, context: &Context) -> Result<Outcome, Error> {
        let environment = host.create_secret(vec![SecretEntry::text("NAME", config.name)])?;
        let spec = JobSpec::new(format!("greet-{}", context.execution_id().unwrap_or("0")))
            .image("alpine:3.22")
            .command(&["sh", "-c", "echo \"Hello, $NAME!\""])
            .environment(&environment);

        let job = host.create_job(spec)?;
        let end = job.wait()?;
        let output = job.read_excerpt(1, 64 * 1024)?.head;
        Ok(Outcome {
            status: end.status.into(),
            output,
        })
    }
}

export_tool!(Greet);

#[cfg(test)]
mod tests {
    use noetl_tool_sdk::mock::{MockHost, MockJob};
    use serde_json::json;

    use super::Greet;

    #[test]
    fn greets_by_name() {
        let host = MockHost::new().job(MockJob::succeeds("Hello, Ada!\n"));
        let outcome = host.call::<Greet>(&json!({"name": "Ada"})).unwrap();
        assert_eq!(
            outcome,
            json!({"status": "completed", "output": "Hello, Ada!\n"})
        );
    }
}
