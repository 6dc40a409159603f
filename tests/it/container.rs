//! The container tool through the whole host.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use toolhost::backend::local::LocalSettings;
use toolhost::capability::memory::{AttemptScript, Exit, JobScript, MemoryEngine, Step};
use toolhost::credential::CredentialsFile;
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::limits::Limits;
use toolhost::outcome::Outcome;
use toolhost::template::TemplateContext;
use toolhost_cli::playbook::Playbook;
use toolhost_diagnostic::Document;

use crate::guests;
use crate::program::Workspace;

async fn call(host: &ToolHost, config: Value) -> Outcome {
    let request = CallRequest::new(
        "container".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    );
    host.call(request).await.unwrap()
}

#[tokio::test]
async fn an_engine_gets_what_the_image_runs() {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::new();
    let host = guests::host(&engine, folder.path(), Limits::default()).await;
    let attempt = AttemptScript::new([Step::Write("hello\n".into())], Exit::Code(0));
    engine.default_script(JobScript::new([attempt]));
    let config = json!({
        "image": "alpine:3", "args": ["a"], "files": {"/etc/a": "content"}, "working_dir": "/work",
    });
    let outcome = call(&host, config).await;
    assert!(outcome.is_completed(), "{outcome:?}");
    assert_eq!(outcome.text("output"), Some("hello\n"));
    assert_eq!(outcome.text("job_name"), Some("container-step-7"));
    let job = engine.requests().pop().unwrap();
    assert!(job.command.is_empty() && job.script.is_none());
    assert_eq!(job.options["args"], json!(["a"]));
    assert_eq!(job.options["workingDir"], "/work");
    assert_eq!(job.options["files"], json!({"/etc/a": "NOETL_FILE_0"}));
}

/// The local engine runs programs of the machine: that of an image is not among them, even if one has its name.
#[tokio::test]
async fn the_local_engine_refuses_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.path().join("jobs");
    let host = guests::local_host(folder.path(), settings).await;
    for config in [
        json!({"image": "alpine:3"}),
        json!({"image": "alpine:3", "command": ["sh", "-c", "echo hello"]}),
    ] {
        let outcome = call(&host, config).await;
        assert_eq!(outcome.text("reason"), Some("Unsupported"), "{outcome:?}");
        assert_eq!(outcome.text("field"), Some("image"));
        let message = outcome.text("message").unwrap();
        assert!(
            message.contains("the engine `local` runs programs of this machine"),
            "{message}"
        );
        assert_eq!(outcome.text("output").unwrap_or_default(), "");
    }
}

#[test]
fn the_command_line_says_which_engine_to_use() {
    let workspace = Workspace::new(&[("c.yaml", "image: alpine:3\n")]);
    let output = workspace.run(&["call", "container", "--config", "c.yaml"]);
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("use the engine `kubernetes`"), "{said}");
    assert!(said.contains("--engine NAME"), "{said}");
}

/// The playbooks of the documents and of the example, as texts.
fn playbooks() -> Vec<String> {
    let root = guests::workspace();
    let page = std::fs::read_to_string(root.join("docs/container-tool.md")).unwrap();
    let blocks = page.split("```yaml\n").skip(1).map(|rest| {
        let (block, _) = rest.split_once("```").unwrap();
        format!(
            "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {{name: test}}\nworkflow:\n{block}"
        )
    });
    let example = std::fs::read_to_string(root.join("examples/container/playbook.yaml")).unwrap();
    blocks.chain([example]).collect()
}

#[tokio::test]
async fn the_example_and_those_of_the_documents_run() {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::new();
    let host = guests::host(&engine, folder.path(), Limits::default()).await;
    let attempt = AttemptScript::new([], Exit::Code(0));
    engine.default_script(JobScript::new([attempt]));
    let secrets = Document::parse("c.yaml", "secrets: {api_key: hunter2-hunter2}").unwrap();
    let secrets = Arc::new(CredentialsFile::parse(&secrets, Path::new("")).unwrap());
    let mut seen = 0;
    for text in playbooks() {
        let playbook = Playbook::parse(Document::parse("p.yaml", &text).unwrap()).unwrap();
        for step in playbook.steps() {
            let tool = step.tool.clone().unwrap();
            let mut templates = TemplateContext::default().with_secrets(Arc::clone(&secrets) as _);
            templates.workload = Arc::new(playbook.workload().clone());
            let request = CallRequest::new(
                tool.reference.parse().unwrap(),
                tool.config,
                ExecutionId::new("7"),
                StepName::new(step.name.clone()),
            );
            let outcome = host.call(request.with_templates(templates)).await;
            let outcome = outcome.unwrap_or_else(|error| panic!("{error:?} in {text}"));
            assert!(outcome.is_completed(), "{outcome:?} in {text}");
            seen += 1;
        }
    }
    assert!(seen >= 3);
}

#[test]
fn the_documents_describe_each_key() {
    let root = guests::workspace();
    let page = std::fs::read_to_string(root.join("docs/container-tool.md")).unwrap();
    let schema = std::fs::read_to_string(root.join("plugins/container/schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    assert!(properties.len() > 40);
    for name in properties.keys() {
        let is_described = page.contains(&format!("`{name}`"));
        // The other spelling of a key that is described follows from it.
        let is_spelling = name.contains('_')
            && properties[name]["description"]
                .as_str()
                .is_some_and(|text| text.starts_with("As `"));
        assert!(is_described || is_spelling, "`{name}` is not in the page");
    }
}
