//! Tools in a whole host, on the memory engine.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::capability::{CapabilityError, FetchRequest, Object, ObjectMetadata, ObjectSource};
use toolhost::grant::Grants;
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::registry::{ComponentSource, EMBEDDED_TOOLS, ToolRef};

use crate::measure::Subject;
use crate::{Result, build_guests};

/// The execution that all calls belong to.
pub(crate) const EXECUTION_ID: &str = "522095307073519743";
/// The step that all calls belong to, but for those that run at once.
pub(crate) const STEP: &str = "process_data";
/// The least that a tool can be.
pub(crate) const EMPTY: MeasuredTool = MeasuredTool {
    kind: "empty",
    package: "guest-empty",
    file: "guest_empty.wasm",
    config: EMPTY_CONFIG,
};
/// The same tool as an ordinary tool is written.
pub(crate) const EMPTY_STANDARD: MeasuredTool = MeasuredTool {
    kind: "empty-standard",
    package: "guest-empty-standard",
    file: "guest_empty_standard.wasm",
    config: EMPTY_CONFIG,
};
/// A tool that runs a job and does nothing else: the example of the SDK.
pub(crate) const GREET: MeasuredTool = MeasuredTool {
    kind: "greet",
    package: "greet",
    file: "greet.wasm",
    config: r#"{"name":"Ada"}"#,
};
/// The configuration of an empty tool: six calls of the host, as in any tool that does something.
const EMPTY_CONFIG: &str = r#"{"host_calls":6}"#;
/// The script that is run.
const SCRIPT: &str = "print('hello')\n";

/// A tool to compare with, the package that it is built from, and what it is called with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasuredTool {
    kind: &'static str,
    package: &'static str,
    file: &'static str,
    /// Its configuration, a JSON object.
    pub(crate) config: &'static str,
}

/// A tool in a host, with the configuration that it is called with.
pub(crate) struct HostedTool {
    host: Arc<ToolHost>,
    engine: MemoryEngine,
    tool: ToolRef,
    config: Value,
}

/// A host and the engine that it has.
pub(crate) type MeasuredHost = (Arc<ToolHost>, MemoryEngine);

/// Objects in memory, so that no disk is measured.
struct OneScript;

impl HostedTool {
    /// A tool to compare with.
    pub(crate) fn small(host: &MeasuredHost, tool: MeasuredTool) -> Result<Self> {
        Self::new(host, tool.kind, serde_json::from_str(tool.config)?)
    }

    /// The tool `script`, with a script that it fetches.
    pub(crate) fn script_from_source(host: &MeasuredHost) -> Result<Self> {
        Self::new(
            host,
            "script",
            script_config(&json!({"uri": "scripts/hello.py"})),
        )
    }

    /// The tool `script`, with a script in its configuration.
    pub(crate) fn script_inline(host: &MeasuredHost) -> Result<Self> {
        Self::new(host, "script", inline_script_config())
    }

    fn new((host, engine): &MeasuredHost, tool: &str, config: Value) -> Result<Self> {
        Ok(Self {
            host: Arc::clone(host),
            engine: engine.clone(),
            tool: tool.parse()?,
            config,
        })
    }

    /// A call that belongs to a step of its own.
    pub(crate) fn request_for(&self, step: impl Into<String>) -> CallRequest {
        let config = self.config.clone();
        CallRequest::new(
            self.tool.clone(),
            config,
            ExecutionId::new(EXECUTION_ID),
            StepName::new(step),
        )
    }
}

impl Subject for HostedTool {
    type Request = CallRequest;

    fn request(&self) -> CallRequest {
        // The engine remembers each job, for tests. Kept, they would push what a call works on out of the caches.
        drop(self.engine.take_requests());
        self.request_for(STEP)
    }

    async fn call(&self, request: CallRequest) -> Result<()> {
        let outcome = self.host.call(request).await?;
        if outcome.is_completed() {
            return Ok(());
        }
        Err(Value::Object(outcome.into_document()).to_string().into())
    }
}

#[async_trait]
impl ObjectSource for OneScript {
    async fn fetch(&self, _: FetchRequest) -> Result<Object, CapabilityError> {
        Ok(Object {
            bytes: Bytes::from_static(SCRIPT.as_bytes()),
            metadata: ObjectMetadata::default(),
        })
    }
}

/// A host with the tools that are measured, for so many calls at once.
pub(crate) async fn host(engine: MemoryEngine, max_calls: usize) -> Result<MeasuredHost> {
    let host = ToolHost::builder()
        .jobs(Arc::new(engine.clone()))
        .objects(Arc::new(OneScript))
        .max_calls(max_calls.try_into()?)
        .build()?;
    let embedded = EMBEDDED_TOOLS.iter();
    let embedded = embedded.map(|(origin, component)| (*origin, Arc::from(*component)));
    let mut tools: Vec<(&str, Arc<[u8]>)> = embedded.collect();
    for tool in [EMPTY, EMPTY_STANDARD, GREET] {
        tools.push((tool.kind, tool.component()?.into()));
    }
    for (origin, component) in tools {
        let component = ComponentSource::named(component, origin);
        host.install(component, Grants::all()).await?;
    }
    Ok((Arc::new(host), engine))
}

/// An engine whose jobs write a line and succeed at once.
pub(crate) fn succeeding_engine() -> MemoryEngine {
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new([AttemptScript::exit(0).then_line("hello")]));
    engine
}

impl MeasuredTool {
    /// The component, built where it has not been built yet.
    pub(crate) fn component(self) -> Result<Vec<u8>> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target = workspace.canonicalize()?.join("target/guests");
        let folder = build_guests::build(&workspace, &target, &[self.package])?;
        Ok(std::fs::read(folder.join(self.file))?)
    }
}

/// The component of the tool `script`, which the host embeds.
pub(crate) fn script_component() -> Result<&'static [u8]> {
    let mut tools = EMBEDDED_TOOLS.iter();
    let script = tools.find(|(origin, _)| origin.ends_with("script"));
    let component = script.map(|(_, component)| *component);
    component.ok_or_else(|| "the host does not embed the tool `script`".into())
}

/// A script in the configuration.
pub(crate) fn inline_script_config() -> Value {
    script_config(&json!({"content": SCRIPT, "interpreter": "python3"}))
}

/// A playbook step with arguments and resources. It has no deadline: the engine would let it pass at once
/// for a job that waits.
fn script_config(script: &Value) -> Value {
    json!({
        "script": script,
        "args": {"input_file": "data.csv", "limit": 100},
        "job": {
            "image": "python:3.11-slim",
            "namespace": "noetl",
            "backoffLimit": 3,
            "resources": {
                "requests": {"memory": "256Mi", "cpu": "100m"},
                "limits": {"memory": "512Mi", "cpu": "500m"},
            },
        },
    })
}
