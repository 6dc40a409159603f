//! The script tool through the whole host, with real processes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use toolhost::backend::local::LocalSettings;
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::outcome::{Outcome, OutcomeStatus};
use toolhost::progress::{ProgressEvent, progress};
use toolhost::template::TemplateContext;

use crate::alone::{is_alone, resident_bytes};
use crate::guests;

/// The host, and the folder that holds everything that it writes.
struct Local {
    host: ToolHost,
    folder: tempfile::TempDir,
}

impl Local {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = guests::local_host(folder.path(), settings(folder.path())).await;
        Self { host, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn run(&self, config: Value) -> Outcome {
        self.host.call(request(config)).await.unwrap()
    }

    /// What the engine has left in its folder; the folder itself stays.
    fn leftovers(&self) -> usize {
        std::fs::read_dir(self.path().join("jobs")).map_or(0, Iterator::count)
    }
}

fn settings(folder: &Path) -> LocalSettings {
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.join("jobs");
    settings.backoff_base = Duration::from_millis(1);
    settings.grace = Duration::from_millis(100);
    settings.search_path = std::env::var("PATH").unwrap();
    settings
}

fn request(config: Value) -> CallRequest {
    CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    )
}

fn shell(script: &str) -> Value {
    json!({"script": {"content": script, "interpreter": "sh"}, "job": {"backoffLimit": 0}})
}

#[tokio::test]
async fn arguments_arrive_byte_for_byte() {
    let local = Local::new().await;
    let args = json!({
        "quotes": "it's \"quoted\" \\ and 'more'", "lines": "a\nb\r\n\tc", "variables": "$(HOME) $$ ${HOME} $HOME $(NOETL_ARGS)",
        "ticks": "`id` $(id)", "braces": "{{ x }} {% y %}", "emoji": "🦀 ünïcödé \u{2028}", "long": "x".repeat(100_000),
        "nested": [[1, [2.5, [null, true, {"k": []}]]], ""], "order": {"z": 1, "a": 2}, "number": 10_000_000_000_i64,
    });
    let mut config = shell("printf %s \"$1\"");
    config["args"] = args.clone();
    // A template would be rendered, so these braces are written as a template that yields them.
    config["args"]["braces"] = json!("{{ '{{' }} x }} {{ '{%' }} y %}");
    let outcome = local.run(config).await;
    assert_eq!(outcome.status(), OutcomeStatus::Completed);
    let log = outcome.document()["attempts"][0]["log"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(log).unwrap(), args.to_string());
}

#[tokio::test]
async fn a_script_that_fails_twice_and_then_succeeds_completes_with_three_logs() {
    let local = Local::new().await;
    let counter = local.path().join("counter");
    let script = format!(
        "echo x >> {0}; n=$(wc -l < {0}); echo this is attempt $n; [ $n -eq 3 ]",
        counter.display()
    );
    let mut config = shell(&script);
    config["job"]["backoffLimit"] = json!(2);
    let outcome = local.run(config).await;
    assert_eq!(outcome.status(), OutcomeStatus::Completed);
    assert_eq!(
        (
            &outcome.document()["failed"],
            &outcome.document()["succeeded"]
        ),
        (&json!(2), &json!(1))
    );
    let attempts = outcome.document()["attempts"].as_array().unwrap();
    let outputs: Vec<_> = attempts
        .iter()
        .map(|attempt| attempt["output"].as_str().unwrap())
        .collect();
    assert_eq!(
        outputs,
        [
            "this is attempt 1\n",
            "this is attempt 2\n",
            "this is attempt 3\n"
        ]
    );
    assert_eq!(local.leftovers(), 0);
}

#[tokio::test]
async fn nothing_outlives_a_deadline_that_is_ignored() {
    let local = Local::new().await;
    let script = "trap '' TERM; endless='trap \"\" TERM; echo $0; while :; do sleep 1; done'; \
                  sh -c \"$endless\" $HOME & setsid sh -c \"$endless\" $HOME & wait";
    let mut config = shell(script);
    config["job"]["activeDeadlineSeconds"] = json!(1);
    let outcome = local.run(config).await;
    assert_eq!(outcome.status(), OutcomeStatus::Timeout);
    assert_eq!(outcome.text("reason"), Some("DeadlineExceeded"));
    let marks: Vec<_> = outcome.text("output").unwrap().lines().collect();
    assert_eq!(marks.len(), 2);
    assert!(
        marks.iter().all(|mark| !guests::is_running(mark)),
        "{marks:?}"
    );
    assert_eq!(local.leftovers(), 0);
}

#[tokio::test]
async fn a_script_that_takes_too_much_memory_is_reported_with_the_limit_to_raise() {
    let local = Local::new().await;
    std::fs::write(
        local.path().join("a.py"),
        "x = []\nwhile True: x.append(bytearray(1 << 20))\n",
    )
    .unwrap();
    let config = json!({"script": {"uri": "a.py"}, "job": {
        "backoffLimit": 0, "resources": {"limits": {"memory": "48Mi"}},
    }});
    let outcome = local.run(config).await;
    assert_eq!(
        outcome.text("reason"),
        Some("OOMKilled"),
        "{:?}",
        outcome.document()
    );
    assert!(outcome.text("hint").unwrap().contains("48Mi"));
    assert_eq!(outcome.text("field"), Some("job.resources.limits.memory"));
}

#[tokio::test]
async fn a_script_without_a_module_or_input_gets_a_hint() {
    let local = Local::new().await;
    for (script, hint, field) in [
        (
            "import nothing_such",
            "`nothing_such` is not installed",
            "job.image",
        ),
        ("input()", "pass values in `args`", "args"),
    ] {
        std::fs::write(local.path().join("a.py"), script).unwrap();
        let config = json!({"script": {"uri": "a.py"}, "job": {"backoffLimit": 0}});
        let outcome = local.run(config).await;
        assert_eq!(outcome.text("reason"), Some("ScriptError"), "{script}");
        let told = outcome.text("hint").unwrap_or_default();
        assert!(told.contains(hint), "{script}: {told}");
        assert_eq!(outcome.text("field"), Some(field), "{script}");
    }
}

#[tokio::test]
async fn a_gibibyte_of_output_is_kept_whole_and_shown_in_part() {
    const BYTES: u64 = 1 << 30;
    if !is_alone("local::a_gibibyte_of_output_is_kept_whole_and_shown_in_part") {
        return;
    }
    let local = Local::new().await;
    let before = resident_bytes();
    let outcome = local
        .run(shell(
            "echo begin; yes 0123456789 | head -c 1073741812; echo; echo end",
        ))
        .await;
    let grown = resident_bytes().saturating_sub(before);
    assert_eq!(outcome.status(), OutcomeStatus::Completed);
    let attempt = &outcome.document()["attempts"][0];
    let output = outcome.text("output").unwrap();
    assert!(output.starts_with("begin\n0123456789\n") && output.ends_with("\nend\n"));
    assert_eq!(attempt["output_bytes"], BYTES - 1);
    assert!(attempt["omitted_bytes"].as_u64().unwrap() > BYTES - (1 << 20));
    assert!(output.contains("bytes"), "it says how much is left out");
    let log = attempt["log"].as_str().unwrap();
    assert_eq!(std::fs::metadata(log).unwrap().len(), BYTES - 1);
    assert!(grown < 64 << 20, "the host grew by {grown} bytes");
}

#[tokio::test]
async fn the_interpreter_is_named_or_found() {
    let local = Local::new().await;
    for (file, content) in [
        ("a.sh", "echo sh"),
        ("b", "#!/usr/bin/env bash\necho ${BASH:+bash}"),
        ("c.py", "print('python')"),
    ] {
        std::fs::write(local.path().join(file), content).unwrap();
    }
    let cases = [
        (json!({"uri": "a.sh"}), "sh\n"),
        (json!({"uri": "b"}), "bash\n"),
        (json!({"uri": "c.py"}), "python\n"),
        (
            json!({"uri": "a.sh", "interpreter": ["echo", "given"]}),
            "given ",
        ),
    ];
    for (script, output) in cases {
        let outcome = local.run(json!({"script": script.clone()})).await;
        assert!(
            outcome.text("output").unwrap().starts_with(output),
            "{script}"
        );
    }
    let outcome = local
        .run(json!({"script": {"content": "x", "interpreter": "no-such-program"}}))
        .await;
    assert_eq!(outcome.text("reason"), Some("InterpreterMissing"));
    assert_eq!(outcome.text("field"), Some("script.interpreter"));
    assert_eq!(local.leftovers(), 0);
}

/// Says what is on the command line of its child, and waits for that.
const ENDLESS: &str = "sh -c 'echo $0; while :; do sleep 1; done' $HOME";

#[tokio::test]
async fn cancelling_ends_the_job_and_says_so() {
    let local = Local::new().await;
    let cancel = CancellationToken::new();
    let (sender, mut reader) = progress();
    let request = request(shell(ENDLESS))
        .with_cancel(cancel.clone())
        .with_progress(sender);
    let watching = async {
        while let Some(event) = reader.next().await {
            if let ProgressEvent::Log { record, .. } = event {
                assert!(guests::is_running(record.text.trim()));
                cancel.cancel();
                return record.text;
            }
        }
        panic!("the script has said nothing");
    };
    let (outcome, process) = tokio::join!(local.host.call(request), watching);
    assert_eq!(outcome.unwrap().status(), OutcomeStatus::Cancelled);
    assert!(!guests::is_running(process.trim()));
    assert_eq!(local.leftovers(), 0);
}

#[tokio::test]
async fn dropping_a_call_ends_its_job() {
    let local = Local::new().await;
    let (sender, mut reader) = progress();
    let mut call = Box::pin(
        local
            .host
            .call(request(shell(ENDLESS)).with_progress(sender)),
    );
    let process = loop {
        tokio::select! {
            _ = &mut call => panic!("the script has ended"),
            event = reader.next() => if let Some(ProgressEvent::Log { record, .. }) = event {
                break record.text;
            }
        }
    };
    drop(call);
    while guests::is_running(process.trim()) || local.leftovers() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn earlier_results_and_workload_keep_their_types() {
    let local = Local::new().await;
    let mut templates = TemplateContext::default()
        .with_workload(std::sync::Arc::new(json!({"count": 3, "list": [1, "a"]})));
    templates.results.insert(
        "earlier".to_owned(),
        std::sync::Arc::new(json!({"output": "7\n"})),
    );
    let mut config = shell("printf %s \"$1\"");
    config["args"] = json!({"n": "{{ workload.count }}", "l": "{{ workload.list }}", "e": "{{ earlier.output | int }}"});
    let outcome = local
        .host
        .call(request(config).with_templates(templates))
        .await
        .unwrap();
    assert_eq!(outcome.text("output"), Some(r#"{"n":3,"l":[1,"a"],"e":7}"#));
}
