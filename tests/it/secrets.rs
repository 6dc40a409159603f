//! Secrets reach the script, and nothing else.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use toolhost::backend::local::LocalSettings;
use toolhost::capability::memory::{AttemptScript, Exit, JobScript, MemoryEngine, Step};
use toolhost::capability::{CapabilityError, Reason};
use toolhost::credential::CredentialsFile;
use toolhost::digest::Digest;
use toolhost::host::{CallError, CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::limits::Limits;
use toolhost::progress::{ProgressEvent, progress};
use toolhost::template::TemplateContext;
use toolhost_diagnostic::Document;

use crate::guests;

const SECRET: &str = "pl@nted secret/1234";
const OTHER: &str = "another-planted-5678";

fn templates() -> TemplateContext {
    let text = format!("secrets: {{token: '{SECRET}', account: {{user: ada, key: {OTHER}}}}}");
    let document = Document::parse("credentials.yaml", &text).unwrap();
    let secrets = CredentialsFile::parse(&document, Path::new(".")).unwrap();
    TemplateContext::default().with_secrets(Arc::new(secrets))
}

async fn host(folder: &Path) -> ToolHost {
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.join("jobs");
    settings.search_path = std::env::var("PATH").unwrap();
    guests::local_host(folder, settings).await
}

fn request(config: Value) -> CallRequest {
    CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    )
    .with_templates(templates())
}

/// A secret may equal a word that the host itself writes. Programs that read outcomes still find their keys.
#[tokio::test]
async fn a_secret_that_is_a_word_of_the_host_changes_no_structure() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path()).await;
    let call = async |secret: &str, exit: u32| {
        let text = format!("secrets: {{token: '{secret}'}}");
        let document = Document::parse("credentials.yaml", &text).unwrap();
        let secrets = CredentialsFile::parse(&document, Path::new(".")).unwrap();
        let templates = TemplateContext::default().with_secrets(Arc::new(secrets));
        let config = json!({
            "script": {"content": format!("echo \"$T\"; exit {exit}"), "interpreter": "sh"},
            "job": {"env": {"T": "{{ secret.token }}"}, "backoffLimit": 0},
        });
        let request = CallRequest::new(
            "script".parse().unwrap(),
            config,
            ExecutionId::new("123456"),
            StepName::new("greeting"),
        );
        let (sender, mut reader) = progress();
        let outcome = host
            .call(request.with_templates(templates).with_progress(sender))
            .await
            .unwrap();
        let mut stages = Vec::new();
        let mut jobs = Vec::new();
        while let Some(event) = reader.next().await {
            match event {
                ProgressEvent::Stage { stage, .. } => stages.push(stage),
                ProgressEvent::Job { job, .. } => jobs.push(job),
                _ => {}
            }
        }
        assert_eq!(stages, ["creating"], "{secret}");
        assert!(
            jobs.iter().all(|job| job == "script-greeting-123456"),
            "{secret}: {jobs:?}"
        );
        outcome.into_document()
    };
    let (plain, failed) = (
        call("another-secret", 0).await,
        call("another-secret", 3).await,
    );
    let words = [
        "completed",
        "failed",
        "status",
        "script",
        "output",
        "job_name",
        "reason",
        "attempts",
        "message",
        "ScriptError",
        "script-greeting",
        "greeting",
        "123456",
        "creating",
        "exit_code",
        "true",
        "0",
    ];
    for secret in words {
        for (exit, expected) in [(0, &plain), (3, &failed)] {
            let document = call(secret, exit).await;
            let keys: Vec<_> = document.keys().collect();
            assert_eq!(keys, expected.keys().collect::<Vec<_>>(), "{secret}");
            for name in [
                "status",
                "step",
                "job_name",
                "reason",
                "succeeded",
                "failed",
                "exit_code",
                "field",
            ] {
                assert_eq!(document[name], expected[name], "{secret}: {name}");
            }
            let (attempt, other) = (&document["attempts"][0], &expected["attempts"][0]);
            for name in ["attempt", "reason", "exit_code", "omitted_bytes"] {
                assert_eq!(attempt[name], other[name], "{secret}: {name}");
            }
            if secret.len() >= 6 {
                assert_eq!(document["output"], "***\n", "{secret}");
            }
        }
    }
}

/// The forms in which a secret may have travelled.
fn forms(secret: &str) -> Vec<String> {
    let url: String = secret
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    // Base64 without the characters that what stands around takes part in.
    let encoded = [0, 1, 2].map(|before| {
        let text = STANDARD.encode("x".repeat(before) + secret);
        text[4..text.len() - 4].to_owned()
    });
    [vec![secret.to_owned(), url], encoded.to_vec()].concat()
}

/// Fails where a text holds a secret.
fn scan(place: &str, text: &str) {
    for secret in [SECRET, OTHER] {
        for form in forms(secret) {
            assert!(!text.contains(&form), "{place} holds `{form}`: {text}");
        }
    }
}

fn scan_folder(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scan_folder(&path);
        } else {
            scan(
                &path.display().to_string(),
                &String::from_utf8_lossy(&std::fs::read(&path).unwrap()),
            );
        }
    }
}

/// Proves that it has the secrets, and then gives them away in every way that it can think of.
const LEAKY: &str = r#"
import base64, hashlib, json, os, sys, time, urllib.parse
assert sys.argv[1] == "@" + os.environ["NOETL_ARGS_FILE"]
args = json.loads(open(sys.argv[1][1:]).read())
token = os.environ["TOKEN"]
print("proof", hashlib.sha256(token.encode()).hexdigest())
print("whole", args["whole"] == token, args["within"] == "Bearer " + token + "!", args["map"]["key"] == os.environ["KEY"])
print(token, args, file=sys.stderr)
print(base64.b64encode(token.encode()).decode(), base64.b64encode(b"ab" + token.encode()).decode())
print(urllib.parse.quote(token), urllib.parse.quote(token, safe=""), json.dumps(token))
for character in token:
    sys.stdout.write(character)
    sys.stdout.flush()
print()
print("x" * 200000 + token)
sys.exit(3)
"#;

#[tokio::test]
async fn a_secret_reaches_the_script_and_appears_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("leaky.py"), LEAKY).unwrap();
    let host = host(folder.path()).await;
    let log = guests::CapturedLog::default();
    let captured = log.capture();
    let config = json!({
        "script": {"uri": "leaky.py"},
        "args": {"whole": "{{ secret.token }}", "within": "Bearer {{ secret.token }}!", "map": "{{ secret.account }}"},
        "job": {"backoffLimit": 0, "env": {"TOKEN": "{{ secret.token }}", "KEY": "{{ secret.account.key }}"}},
    });
    let (sender, mut reader) = progress();
    let call = host.call(request(config).with_progress(sender));
    let watching = async {
        let mut events = Vec::new();
        while let Some(event) = reader.next().await {
            events.push(format!("{event:?}"));
        }
        events
    };
    let (outcome, events) = tokio::join!(call, watching);
    let outcome = outcome.unwrap();
    drop(captured);

    let output = outcome.text("output").unwrap();
    assert!(
        output.contains(&format!("proof {}", Digest::of(SECRET.as_bytes()).digits())),
        "{output}"
    );
    assert!(output.contains("whole True True True"), "{output}");
    assert!(output.contains("***"), "{output}");
    scan(
        "the outcome",
        &Value::Object(outcome.document().clone()).to_string(),
    );
    scan("the outcome", &format!("{outcome:?}"));
    assert!(events.iter().any(|event| event.contains("proof")));
    for event in &events {
        scan("an event", event);
    }
    assert!(log.text().contains("calling the tool"));
    scan("the log", &log.text());
    let kept = outcome.document()["attempts"][0]["log"].as_str().unwrap();
    assert!(std::fs::metadata(kept).unwrap().len() > 200_000);
    scan_folder(folder.path());
}

#[tokio::test]
async fn errors_of_calls_that_touched_a_secret_do_not_hold_it() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path()).await;
    let configs = [
        json!({"script": {"content": "x", "interpreter": "sh"}, "args": "{{ secret.token | fromjson }}"}),
        json!({"script": {"content": "x", "interpreter": "sh"}, "job": {"backoffLimit": "{{ secret.token }}"}}),
        json!({"script": {"uri": "{{ secret.token }}"}}),
        json!({"script": {"content": "x", "interpreter": "{{ secret.token }}"}}),
        json!({"script": {"uri": "a.sh", "sha256": "{{ secret.token }}"}}),
        json!({"script": {"content": "x", "interpreter": "sh"}, "job": {"resources": {"limits": {"memory": "{{ secret.token }}"}}}}),
        json!({"script": {"content": "x", "interpreter": "sh"}, "{{ secret.token }}": 1}),
    ];
    for config in configs {
        let told = match host.call(request(config.clone())).await {
            Ok(outcome) => format!("{outcome:?}"),
            Err(error) => format!("{error} {error:?} {:?}", error.help()),
        };
        scan(&config.to_string(), &told);
    }
}

#[tokio::test]
async fn a_secret_where_others_could_read_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path()).await;
    let plain = json!({"content": "true", "interpreter": "sh"});
    let configs = [
        json!({"script": plain, "job": {"labels": {"token": "{{ secret.token }}"}}}),
        json!({"script": plain, "job": {"annotations": {"token": "x{{ secret.token }}"}}}),
        json!({"script": plain, "job": {"image": "registry/{{ secret.token }}:1"}}),
        json!({"script": plain, "job": {"command": ["echo", "{{ secret.token }}"]}}),
        json!({"script": {"content": "echo {{ secret.token }}", "interpreter": "sh"}}),
    ];
    for config in configs {
        match host.call(request(config.clone())).await {
            Ok(outcome) => assert_eq!(
                outcome.text("reason"),
                Some("SecretInSpec"),
                "{config}: {outcome:?}"
            ),
            Err(error) => assert!(
                matches!(error, CallError::Rejected { .. }),
                "{config}: {error}"
            ),
        }
    }
}

#[tokio::test]
async fn what_an_engine_quotes_of_a_secret_reaches_neither_the_caller_nor_the_tool() {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::new();
    let host = guests::host(&engine, folder.path(), Limits::default()).await;
    let quoted = || format!("exec: {SECRET}: not found");
    let refusal = CapabilityError::new(Reason::InterpreterMissing, quoted()).with_hint(quoted());
    let waiting = Step::Waiting {
        reason: "Unschedulable".to_owned(),
        message: quoted(),
    };
    let attempt = AttemptScript::new([waiting, Step::Warning(quoted())], Exit::Code(1));
    for script in [JobScript::refuse(refusal), JobScript::new([attempt])] {
        engine.default_script(script);
        let (sender, mut reader) = progress();
        let config = json!({
            "script": {"content": "true", "interpreter": "sh"},
            "job": {"env": {"TOKEN": "{{ secret.token }}"}},
        });
        let outcome = host
            .call(request(config).with_progress(sender))
            .await
            .unwrap();
        let mut told = format!("{outcome:?}");
        while let Some(event) = reader.next().await {
            told = [told, format!("{event:?}")].concat();
        }
        assert!(told.contains("exec: ***: not found"), "{told}");
        scan("progress", &told);
    }
}

#[test]
#[should_panic(expected = "holds")]
fn the_scanner_finds_what_was_planted() {
    let folder = tempfile::tempdir().unwrap();
    let planted = STANDARD.encode(format!("user:{SECRET}:more"));
    std::fs::write(folder.path().join("leak"), planted).unwrap();
    scan_folder(folder.path());
}

/// The command lines of all processes.
fn command_lines() -> String {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines: Vec<_> = lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect();
    lines.join("\n")
}

#[tokio::test]
async fn arguments_with_a_secret_are_on_no_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path()).await;
    let script = "case $1 in @*) echo file $(wc -c < ${1#@});; esac\n\
                  [ $1 = @$NOETL_ARGS_FILE ] && echo named; echo ready; while :; do sleep 1; done";
    let config = json!({
        "script": {"content": script, "interpreter": "sh"},
        "args": {"whole": "{{ secret.token }}"},
        "job": {"backoffLimit": 0},
    });
    let cancel = tokio_util::sync::CancellationToken::new();
    let (sender, mut reader) = progress();
    let request = request(config)
        .with_cancel(cancel.clone())
        .with_progress(sender);
    let watching = async {
        while let Some(event) = reader.next().await {
            if let ProgressEvent::Log { record, .. } = event
                && record.text.trim() == "ready"
            {
                break;
            }
        }
        let lines = command_lines();
        cancel.cancel();
        lines
    };
    let (outcome, lines) = tokio::join!(host.call(request), watching);
    let outcome = outcome.unwrap();
    assert!(lines.contains("arguments.json"), "{lines}");
    scan("a command line", &lines);
    let bytes = json!({"whole": SECRET}).to_string().len();
    assert_eq!(
        outcome.text("output"),
        Some(format!("file {bytes}\nnamed\nready\n").as_str())
    );
    let warnings = outcome.document()["warnings"].to_string();
    assert!(warnings.contains("`@PATH`"), "{warnings}");
}

#[tokio::test]
async fn arguments_without_a_secret_are_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path()).await;
    let config = json!({
        "script": {"content": "printf %s \"$1\"", "interpreter": "sh"},
        "args": {"plain": 1},
        "job": {"env": {"TOKEN": "{{ secret.token }}"}},
    });
    let outcome = host.call(request(config)).await.unwrap();
    assert_eq!(outcome.text("output"), Some("{\"plain\":1}"));
    assert_eq!(outcome.document()["warnings"], json!([]));
}

#[tokio::test]
async fn a_command_that_expands_a_secret_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path()).await;
    let config = json!({
        "script": {"content": "x"},
        "job": {"command": ["echo", "--token=$(TOKEN)"], "env": {"TOKEN": "{{ secret.token }}"}},
    });
    let outcome = host.call(request(config)).await.unwrap();
    assert_eq!(outcome.text("reason"), Some("SecretInSpec"));
    assert_eq!(outcome.text("field"), Some("job.command"));
    assert!(outcome.text("message").unwrap().contains("`$(TOKEN)`"));
}
