//! Misbehaving tools, each next to one that continues.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::credential::CredentialsFile;
use toolhost::grant::{Capability, Grants};
use toolhost::host::{CallError, CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::limits::Limits;
use toolhost::outcome::{Outcome, OutcomeStatus};
use toolhost::progress::{ProgressEvent, progress};
use toolhost::registry::ComponentSource;
use toolhost::template::TemplateContext;
use toolhost_diagnostic::Document;

use crate::alone::{all_and_peak_bytes, is_alone};
use crate::guests;

/// No call of these tests takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_mins(1);

/// What each action ends in: the reason of the outcome, or `ok` for one that completes, or `error` for one
/// that is refused as input; and a part of the message.
const MISBEHAVE: [(&str, &str, &str); 27] = [
    ("allocate", "ToolLimit", "bytes of memory"),
    ("bad-cursor", "error", "cursor"),
    ("bad-json", "ToolFault", "invalid outcome"),
    ("drop-secrets", "ok", ""),
    ("dump", "ok", ""),
    ("fetch", "FetchFailed", "not a regular file"),
    ("flood-log", "ToolLimit", "computed for more than 300 ms"),
    ("foreign-handle", "ToolFault", "handle"),
    ("forge-sealed", "error", "sealed reference"),
    ("greedy-wait", "Timeout", "longer than"),
    ("hoard-names", "ok", ""),
    ("hoard-options", "ok", ""),
    ("hoard-outcome", "ToolLimit", "bytes of memory"),
    ("hoard-scripts", "ok", ""),
    ("hoard-secrets", "ok", ""),
    ("hoard-specs", "ok", ""),
    ("hold", "Timeout", "longer than"),
    ("huge-argument", "ToolLimit", "bytes of memory"),
    ("leave-job", "ok", ""),
    ("loop", "ToolLimit", "computed for more than 300 ms"),
    ("many-jobs", "ok", ""),
    ("many-objects", "ok", ""),
    ("panic", "ToolFault", "unreachable"),
    ("recurse", "ToolLimit", "call stack"),
    ("return-huge", "ToolLimit", "bytes of memory"),
    ("trap", "ToolFault", "unreachable"),
    ("use-after-drop", "ToolFault", "handle"),
];
/// The same for the guest that uses its standard library.
const STANDARD: [(&str, &str, &str); 10] = [
    ("abort", "ToolFault", "unreachable"),
    ("clock", "ok", ""),
    ("environment", "ok", ""),
    ("exit", "ToolFault", "exited with code 0"),
    ("flood-stderr", "ToolLimit", "computed for more than 300 ms"),
    ("flood-stdout", "ToolLimit", "computed for more than 300 ms"),
    ("panic", "ToolFault", "its message: "),
    ("print", "ok", ""),
    ("random", "ok", ""),
    ("stdin", "ok", ""),
];

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.memory_bytes = 16 << 20;
    limits.cpu_time = Duration::from_millis(300);
    limits.wall_time = Duration::from_secs(5);
    limits.cancel_grace = Duration::from_millis(100);
    limits
}

/// A host whose jobs never end by themselves, with the guests.
async fn hostile_host(limits: Limits) -> (ToolHost, MemoryEngine, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new(vec![AttemptScript::hold()]));
    let host = guests::host(&engine, folder.path(), limits).await;
    for package in [
        "guest-misbehave",
        "guest-standard",
        "guest-wasi",
        "guest-empty",
    ] {
        guests::load(&host, package, Grants::all()).await;
    }
    (host, engine, folder)
}

async fn call(
    host: &ToolHost,
    kind: &str,
    config: Value,
    step: &str,
) -> Result<Outcome, CallError> {
    let request = CallRequest::new(
        kind.parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new(step),
    );
    tokio::time::timeout(PATIENCE, host.call(request))
        .await
        .expect("a call came to no end")
}

/// Ends as the table says, while calls of another tool on the same host complete.
async fn check(host: &ToolHost, kind: &str, action: &str, expected: &str, message: &str) {
    let neighbour = async {
        for _ in 0..5 {
            let outcome = call(host, "empty", json!({"host_calls": 6}), "neighbour")
                .await
                .unwrap();
            assert_eq!(outcome.status(), OutcomeStatus::Completed);
        }
    };
    let config = json!({"action": action});
    let (called, ()) = tokio::join!(call(host, kind, config, action), neighbour);
    let (ending, told) = match &called {
        Ok(outcome) if outcome.is_completed() => ("ok", String::new()),
        Ok(outcome) => (
            outcome.text("reason").unwrap(),
            outcome.text("message").unwrap().to_owned(),
        ),
        Err(error) => ("error", error.to_string()),
    };
    assert_eq!(ending, expected, "`{action}` of `{kind}`: {told}");
    assert!(told.contains(message), "`{action}` of `{kind}`: {told}");
}

/// The actions that a tool says it has.
fn actions(host: &ToolHost, kind: &str) -> BTreeSet<String> {
    let tool = host.registry().resolve(&kind.parse().unwrap()).unwrap();
    let actions = &tool.schema()["$defs"]["Action"]["enum"];
    actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_tool_does_it_ends_and_its_neighbour_goes_on() {
    let (host, engine, _folder) = hostile_host(limits()).await;
    for (kind, table) in [("misbehave", &MISBEHAVE[..]), ("standard", &STANDARD[..])] {
        let known: BTreeSet<_> = table
            .iter()
            .map(|(action, ..)| (*action).to_owned())
            .collect();
        assert_eq!(
            actions(&host, kind),
            known,
            "each action of `{kind}` has an expectation"
        );
        for (action, expected, message) in table {
            check(&host, kind, action, expected, message).await;
            for request in engine.requests() {
                assert!(
                    !engine.is_held(request.name.as_str()),
                    "`{action}` left a job"
                );
            }
        }
    }
}

#[tokio::test]
async fn more_than_a_message_may_have_is_refused_in_both_directions() {
    let mut limits = limits();
    limits.memory_bytes = 512 << 20;
    limits.cpu_time = Duration::from_secs(10);
    let (host, _engine, _folder) = hostile_host(limits).await;
    for action in ["huge-argument", "return-huge"] {
        check(&host, "misbehave", action, "ToolLimit", "passed more than").await;
    }
}

#[tokio::test]
async fn jobs_and_objects_are_refused_at_their_limits() {
    let (host, engine, _folder) = hostile_host(limits()).await;
    let outcome = call(&host, "misbehave", json!({"action": "many-jobs"}), "s")
        .await
        .unwrap();
    assert_eq!(outcome.document()["created"], Limits::DEFAULT_JOBS);
    assert_eq!(outcome.text("code"), Some("Quota"));
    assert_eq!(engine.requests().len(), Limits::DEFAULT_JOBS);
    let outcome = call(&host, "misbehave", json!({"action": "many-objects"}), "s")
        .await
        .unwrap();
    assert_eq!(outcome.text("code"), Some("TooLarge"));
}

#[tokio::test]
async fn whatever_a_tool_hoards_the_host_holds_no_more_than_its_budget() {
    const NAME: &str = "hostile::whatever_a_tool_hoards_the_host_holds_no_more_than_its_budget";
    // What is copied on its way, and what allocators keep.
    const MARGIN: u64 = 64 << 20;
    if !is_alone(NAME) {
        return;
    }
    let mut limits = limits();
    limits.memory_bytes = 64 << 20;
    limits.cpu_time = Duration::from_secs(30);
    limits.wall_time = Duration::from_mins(1);
    let held = limits.held_bytes;
    let guest = limits.memory_bytes as u64;
    let (host, _engine, _folder) = hostile_host(limits).await;
    // Compiling the guests may have taken more than they will.
    let (before, peak_before) = all_and_peak_bytes();
    let most_bytes = peak_before.max(before + held + guest + MARGIN);
    for (action, fewest, most) in [
        ("hoard-secrets", 5, 9),
        ("hoard-specs", 5, 9),
        ("hoard-scripts", 5, 9),
        ("hoard-options", 1, 20),
        ("hoard-names", 400, 400),
        ("drop-secrets", 400, 400),
    ] {
        let config = json!({"action": action, "times": 400});
        let outcome = call(&host, "misbehave", config, "s").await.unwrap();
        let created = outcome.document()["created"].as_u64().unwrap();
        assert!((fewest..=most).contains(&created), "{action}: {created}");
        let code = if created == 400 { "" } else { "TooLarge" };
        assert_eq!(outcome.text("code"), Some(code), "{action}");
        let (_, peak) = all_and_peak_bytes();
        let grown = peak.saturating_sub(before);
        eprintln!(
            "{action}: {created} created, the peak grew by {} MiB",
            grown >> 20
        );
        assert!(peak <= most_bytes, "{action}: {grown} bytes more");
    }
    let outcome = call(&host, "misbehave", json!({"action": "hoard-outcome"}), "s")
        .await
        .unwrap();
    assert_eq!(outcome.text("reason"), Some("ToolLimit"));
    let message = outcome.text("message").unwrap();
    assert!(message.contains("returned a document"), "{message}");
    let (_, peak) = all_and_peak_bytes();
    assert!(peak <= most_bytes, "{peak} bytes at once");
}

#[tokio::test]
async fn a_tool_sees_no_secret_that_its_configuration_depends_on() {
    let (host, _engine, _folder) = hostile_host(limits()).await;
    let text = "secrets: {token: planted-secret-1234, account: {key: planted-key-5678}}";
    let document = Document::parse("credentials.yaml", text).unwrap();
    let secrets = CredentialsFile::parse(&document, std::path::Path::new(".")).unwrap();
    let templates = TemplateContext::default().with_secrets(std::sync::Arc::new(secrets));
    for needle in [
        "planted-secret-1234",
        "planted-key-5678",
        "cGxhbnRlZC1zZWNyZXQ",
    ] {
        let backwards: String = needle.chars().rev().collect();
        let config = json!({"action": "dump", "needle": backwards, "payload": {
            "plain": "{{ secret.token }}", "within": "Bearer {{ secret.token }}!",
            "encoded": "{{ secret.token | b64encode }}", "map": "{{ secret.account }}",
        }});
        let request = CallRequest::new(
            "misbehave".parse().unwrap(),
            config,
            ExecutionId::new("7"),
            StepName::new("dump"),
        )
        .with_templates(templates.clone());
        let outcome = host.call(request).await.unwrap();
        assert_eq!(outcome.document()["found"], false, "{needle}");
        let shown = Value::Object(outcome.into_document()).to_string();
        assert!(
            shown.contains("sealed.") && !shown.contains(needle),
            "{shown}"
        );
    }
    // The search finds what is there.
    let config = json!({"action": "dump", "needle": "ereht-si-taht", "payload": "that-is-there"});
    let outcome = call(&host, "misbehave", config, "dump").await.unwrap();
    assert_eq!(outcome.document()["found"], true);
}

#[tokio::test]
async fn a_flood_of_reports_is_cut_and_counted() {
    let (host, _engine, _folder) = hostile_host(limits()).await;
    let (sender, mut reader) = progress();
    let request = CallRequest::new(
        "misbehave".parse().unwrap(),
        json!({"action": "flood-log"}),
        ExecutionId::new("7"),
        StepName::new("s"),
    )
    .with_progress(sender);
    host.call(request).await.unwrap();
    let (mut events, mut skipped) = (0, 0);
    while let Some(event) = reader.next().await {
        match event {
            ProgressEvent::Skipped { events } => skipped += events,
            _ => events += 1,
        }
    }
    assert!(
        events < 10_000 && skipped > 0,
        "{events} events, {skipped} skipped"
    );
}

#[tokio::test]
async fn files_and_sockets_end_the_tool_that_touches_them() {
    let (host, _engine, _folder) = hostile_host(limits()).await;
    let tool = host.registry().resolve(&"wasi".parse().unwrap()).unwrap();
    assert!(
        tool.imports()
            .inert
            .iter()
            .any(|name| name.starts_with("wasi:filesystem/"))
    );
    assert!(
        tool.imports()
            .inert
            .iter()
            .any(|name| name.starts_with("wasi:sockets/"))
    );
    let outcome = call(&host, "wasi", json!({}), "s").await.unwrap();
    assert_eq!(outcome.text("reason"), Some("ToolFault"));
    let message = outcome.text("message").unwrap();
    assert!(message.contains("tools have no `wasi:"), "{message}");
}

#[tokio::test]
async fn what_was_not_granted_is_denied_by_name_before_anything_happens() {
    let (host, engine, _folder) = hostile_host(limits()).await;
    guests::load(&host, "greet", Grants::of([Capability::Jobs])).await;
    let error = call(&host, "greet", json!({"name": "Ada"}), "s")
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Denied(_)));
    assert_eq!(
        error.to_string(),
        "`greet` needs `secrets` and `logs`, but is not granted them"
    );
    let help = error.help().unwrap().to_string();
    let tool = host.registry().resolve(&"greet".parse().unwrap()).unwrap();
    let digest = tool.digest();
    let entry = format!("greet:\n    - digest: {digest}\n    - secrets\n    - jobs\n    - logs");
    assert!(help.ends_with(&entry), "{help}");
    assert!(engine.requests().is_empty());
    guests::load(&host, "greet", Grants::all()).await;
    engine.default_script(JobScript::new(vec![
        AttemptScript::exit(0).then_line("Hello, Ada!"),
    ]));
    let outcome = call(&host, "greet", json!({"name": "Ada"}), "s")
        .await
        .unwrap();
    assert_eq!(outcome.text("output"), Some("Hello, Ada!\n"));
}

#[tokio::test]
async fn the_tools_that_floors_are_measured_with_do_the_same() {
    let (host, _engine, _folder) = hostile_host(limits()).await;
    guests::load(&host, "guest-empty-standard", Grants::all()).await;
    for kind in ["empty", "empty-standard"] {
        let outcome = call(&host, kind, json!({"host_calls": 6}), "s")
            .await
            .unwrap();
        let document = Value::Object(outcome.into_document());
        assert_eq!(document, json!({"status": "completed"}), "{kind}");
    }
}

#[tokio::test]
async fn a_component_that_is_not_a_tool_is_refused_with_the_reason() {
    let (host, _engine, _folder) = hostile_host(limits()).await;
    let before = host.registry().list().len();
    let truncated = guests::bytes("guest-empty")[..1000].to_vec();
    let cases = [
        (b"no wasm".to_vec(), "not a WebAssembly component"),
        (truncated, "not a WebAssembly component"),
        (
            wat::parse_str("(module)").unwrap(),
            "not a WebAssembly component",
        ),
        (
            wat::parse_str("(component)").unwrap(),
            "does not fit the tool interface",
        ),
        (
            wat::parse_str(
                "(component (import \"host:shell/run@1.0.0\" (instance (export \"run\" (func)))))",
            )
            .unwrap(),
            "does not fit the tool interface",
        ),
    ];
    for (bytes, expected) in cases {
        let loaded = host
            .load(ComponentSource::named(bytes, "a file"), |_| Grants::all())
            .await;
        let error = loaded.unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("a file"),
            "{error}"
        );
    }
    assert_eq!(host.registry().list().len(), before);
}
