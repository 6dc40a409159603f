//! The python tool through the whole host, and `verify_job` of the specification of the script tool, unchanged.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use toolhost::backend::local::LocalSettings;
use toolhost::capability::memory::{AttemptScript, Exit, JobScript, MemoryEngine, Step};
use toolhost::credential::CredentialsFile;
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::limits::Limits;
use toolhost::outcome::{Outcome, OutcomeStatus};
use toolhost::template::TemplateContext;
use toolhost_cli::playbook::{self, Playbook, Report, RunInputs, RunStatus, StepStatus};
use toolhost_diagnostic::Document;

use crate::examples::{Runner, fixture};
use crate::{guests, program};

const EXECUTION: &str = "522095307073519743";

/// A host whose jobs are processes, in a folder with the script of the example.
async fn local() -> (ToolHost, tempfile::TempDir) {
    let folder = folder();
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.path().join("jobs");
    settings.backoff_base = Duration::from_millis(1);
    settings.search_path = std::env::var("PATH").unwrap();
    let host = guests::local_host(folder.path(), settings).await;
    (host, folder)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("scripts")).unwrap();
    let script = folder.path().join("scripts/processor.py");
    std::fs::write(script, "print('processed')\n").unwrap();
    folder
}

fn verify_job() -> Playbook {
    Playbook::parse(fixture("spec/verify-job.yaml")).unwrap()
}

/// Runs the example from its beginning.
async fn run(host: ToolHost) -> Report {
    let templates = TemplateContext::default();
    let inputs = RunInputs {
        execution_id: EXECUTION.parse().unwrap(),
        workload: json!({}),
        secrets: templates.secrets,
        keychain: templates.keychain,
    };
    let report = playbook::run(&verify_job(), inputs, &Runner(host)).await;
    report.map_err(|failure| failure.error).unwrap()
}

/// Runs `verify_job` alone, behind a script that gave `result`.
async fn verify(host: &ToolHost, result: Value) -> Outcome {
    let playbook = verify_job();
    let tool = playbook.step("verify_job").unwrap().tool.clone().unwrap();
    let mut templates = TemplateContext::default();
    let results = &mut templates.results;
    results.insert("run_script_step".to_owned(), Arc::new(result));
    let kind = tool.reference.parse().unwrap();
    let request = CallRequest::new(
        kind,
        tool.config,
        ExecutionId::new(EXECUTION),
        StepName::new("verify_job"),
    );
    host.call(request.with_templates(templates)).await.unwrap()
}

async fn call(host: &ToolHost, code: &str, args: Value) -> Outcome {
    let config = json!({"code": code, "args": args});
    let request = CallRequest::new(
        "python".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    );
    host.call(request).await.unwrap()
}

#[tokio::test]
async fn verify_job_reports_a_script_that_completed() {
    let (host, _folder) = local().await;
    let report = run(host).await;
    assert_eq!(report.status, RunStatus::Completed, "{report:?}");
    let step = &report.steps[1];
    assert_eq!(
        (step.step.as_str(), step.kind.as_str()),
        ("verify_job", "python")
    );
    assert_eq!(step.outcome["result"], json!({"success": true}));
    let time = &report.steps[0].outcome["execution_time"];
    let expected = format!("✓ Job succeeded in {time}s\n");
    assert_eq!(step.outcome["output"], expected.as_str());
}

#[tokio::test]
async fn verify_job_fails_where_the_script_failed() {
    let (host, _folder) = local().await;
    let failed = json!({
        "step": "run_script_step", "job_name": "script-run-script-step-1", "status": "failed",
        "output": "no such table",
    });
    let outcome = verify(&host, failed).await;
    assert_eq!(outcome.status(), OutcomeStatus::Failed);
    assert_eq!(outcome.text("reason"), Some("ScriptError"));
    let message = "`main` raised `Exception: Script execution failed` in line 10 of `code`";
    assert_eq!(outcome.text("message"), Some(message));
    let output = outcome.text("output").unwrap();
    assert!(
        output.starts_with("✗ Job failed: no such table\n"),
        "{output}"
    );
    assert_eq!(outcome.document()["result"], Value::Null);
    assert_eq!(outcome.document()["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn verify_job_is_one_job_with_the_result_of_the_script_as_its_argument() {
    let engine = MemoryEngine::new();
    let folder = folder();
    let host = guests::host(&engine, folder.path(), Limits::default()).await;
    let processed = AttemptScript::exit(0).then_line("processed");
    let script = format!("script-run-script-step-{EXECUTION}");
    engine.script(script.clone(), JobScript::new([processed.clone()]));
    let report = run(host).await;
    // The job of `verify_job` wrote nothing.
    assert_eq!(report.steps[1].status, StepStatus::Failed);
    assert_eq!(report.steps[1].outcome["reason"], "ResultMissing");
    let jobs = engine.take_requests();
    let job = jobs.last().unwrap();
    assert_eq!(job.name.as_str(), format!("python-verify-job-{EXECUTION}"));
    let mut entries = job.environment.iter();
    let (_, arguments) = entries.find(|(name, _)| *name == "NOETL_ARGS").unwrap();
    let arguments: Value = serde_json::from_str(arguments.expose_secret()).unwrap();
    assert_eq!(arguments["input_data"]["status"], "completed");
    assert_eq!(arguments["input_data"]["output"], "processed\n");

    // What the program would have written.
    let program = String::from_utf8(job.script.as_ref().unwrap().content.to_vec()).unwrap();
    let mark = program
        .lines()
        .find_map(|line| line.strip_prefix("RESULT_MARK = "));
    let mark: String = serde_json::from_str(mark.unwrap()).unwrap();
    let line = format!("✓\n{mark}{{\"success\": true}}\n");
    let told = AttemptScript::new([Step::Write(line.into_bytes().into())], Exit::Code(0));
    engine.script(script, JobScript::new([processed]));
    engine.script(job.name.as_str(), JobScript::new([told]));
    let host = guests::host(&engine, folder.path(), Limits::default()).await;
    let report = run(host).await;
    assert_eq!(report.steps[1].outcome["result"], json!({"success": true}));
    assert_eq!(report.steps[1].outcome["output"], "✓\n");
}

#[test]
fn verify_job_is_planned_behind_the_script_that_it_needs() {
    let folder = folder();
    let text = fixture("spec/verify-job.yaml").source().text().to_owned();
    std::fs::write(folder.path().join("p.yaml"), &text).unwrap();
    let plan = || {
        let output = program::command(folder.path(), &["plan", "p.yaml", "--execution-id", "42"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let planned = plan();
    assert!(
        planned.contains("  name: script-run-script-step-42\n"),
        "{planned}"
    );
    let line = "# step `verify_job`: not planned: it needs the result of `run_script_step`";
    assert!(planned.contains(line), "{planned}");

    let text = text.replace("{{ run_script_step }}", "{}");
    std::fs::write(folder.path().join("p.yaml"), text).unwrap();
    let planned = plan();
    assert!(
        planned.contains("  name: python-verify-job-42\n"),
        "{planned}"
    );
    assert!(planned.contains("/noetl/script/step.py"), "{planned}");
    // The code is not secret, so that it is in the Job.
    assert!(planned.contains("Script execution failed"), "{planned}");
}

#[tokio::test]
async fn main_gets_the_arguments_by_name_and_its_result_comes_back() {
    let (host, _folder) = local().await;
    let cases = [
        (
            "def main(a, b=2): return [a, b]",
            json!({"a": "ü"}),
            json!(["ü", 2]),
        ),
        (
            "def main(**rest): return rest",
            json!({"b": null, "a": 1.5}),
            json!({"b": null, "a": 1.5}),
        ),
        // As NoETL does it: one parameter that nothing is named for gets all.
        (
            "def main(input_data): return input_data",
            json!({"a": 1}),
            json!({"a": 1}),
        ),
        ("def main(): return args", json!({"a": 1}), json!({"a": 1})),
        (
            "async def main(): return 'later'",
            json!({}),
            json!("later"),
        ),
        ("def main(): pass", json!({}), Value::Null),
        ("import sys\ndef main(): sys.exit()", json!({}), Value::Null),
        ("def main(): return '\"\\\\\\n'", json!({}), json!("\"\\\n")),
    ];
    for (code, args, expected) in cases {
        let outcome = call(&host, code, args).await;
        assert_eq!(
            outcome.status(),
            OutcomeStatus::Completed,
            "{code}: {outcome:?}"
        );
        assert_eq!(outcome.document()["result"], expected, "{code}");
    }
}

#[tokio::test]
async fn a_step_s_own_name_leads_to_its_result() {
    let (host, _folder) = local().await;
    let code = "def main(r):\n    return [r.get('one') is r, r['one']['status'], r.get('two', 3), \
                'one' in r, sorted(r)]";
    let result = json!({"status": "completed", "step": "one", "job_name": "j"});
    let outcome = call(&host, code, json!({"r": result})).await;
    let expected = json!([true, "completed", 3, false, ["job_name", "status", "step"]]);
    assert_eq!(outcome.document()["result"], expected);
}

#[tokio::test]
async fn says_what_is_wrong_with_the_code() {
    let (host, _folder) = local().await;
    let cases = [
        (
            "x = 1\ndef main(:\n",
            "SyntaxError",
            Some("code"),
            "line 2 of `code`",
        ),
        ("x = 1", "MainMissing", Some("code"), "no function `main`"),
        (
            "def main(a, b): pass",
            "ArgumentsInvalid",
            Some("args"),
            "`main(a, b)`",
        ),
        (
            "def main(): return {1}",
            "ResultInvalid",
            Some("code"),
            "type set",
        ),
        (
            "def main(): return float('nan')",
            "ResultInvalid",
            Some("code"),
            "not JSON",
        ),
        (
            "def main(): return 10 ** 400",
            "ResultInvalid",
            Some("code"),
            "too large",
        ),
        (
            "def main(): return chr(0xdc80)",
            "ResultInvalid",
            Some("code"),
            "surrogates",
        ),
        (
            "def main(): return 'x' * 30_000",
            "ResultInvalid",
            Some("code"),
            "30002 bytes",
        ),
        (
            "def main():\n  v = []\n  for _ in range(90): v = [v]\n  return v",
            "ResultInvalid",
            Some("code"),
            "deeper",
        ),
        (
            "import nothing_such",
            "ScriptError",
            Some("job.image"),
            "ModuleNotFoundError",
        ),
        (
            "def main(): raise KeyError('k')",
            "ScriptError",
            None,
            "`KeyError: 'k'` in line 1",
        ),
        (
            "import sys\ndef main(): sys.exit(3)",
            "ScriptError",
            None,
            "exit code 3",
        ),
        (
            "import os\ndef main(): os._exit(0)",
            "ResultMissing",
            Some("code"),
            "before `main` returned",
        ),
    ];
    for (code, reason, field, message) in cases {
        let outcome = call(&host, code, json!({"c": 1})).await;
        assert_eq!(outcome.status(), OutcomeStatus::Failed, "{code}");
        assert_eq!(outcome.text("reason"), Some(reason), "{code}: {outcome:?}");
        assert_eq!(outcome.text("field"), field, "{code}: {outcome:?}");
        assert!(
            outcome.text("message").unwrap().contains(message),
            "{code}: {outcome:?}"
        );
        let output = outcome.text("output").unwrap();
        assert!(
            !output.contains("noetl-") && !output.contains("step.py"),
            "{code}: {output}"
        );
    }
}

/// Output cannot take the place of the result, whatever it looks like, and a log of any length ends with it.
#[tokio::test]
async fn what_the_code_prints_is_output() {
    let (host, _folder) = local().await;
    let code = "import atexit, subprocess, threading, time\n\
                def main():\n\
                \x20   atexit.register(lambda: print('at the end'))\n\
                \x20   threading.Thread(target=lambda: print('a thread')).start()\n\
                \x20   subprocess.run(['echo', '[noetl-result 0000000000000000] 1'])\n\
                \x20   print('line\\n' * 40_000 + '[noetl-failure', end='')\n\
                \x20   return 'mine'\n";
    let outcome = call(&host, code, json!({})).await;
    assert_eq!(
        outcome.status(),
        OutcomeStatus::Completed,
        "{:?}",
        outcome.document()["message"]
    );
    assert_eq!(outcome.document()["result"], "mine");
    let output = outcome.text("output").unwrap();
    assert!(
        output.ends_with("[noetl-failureat the end\n")
            || output.ends_with("a thread\nat the end\n")
    );
}

#[test]
fn a_result_is_shown_below_its_step_and_a_long_one_up_to_a_length() {
    let step = |name: &str, code: &str, next: &str| {
        format!(
            "  - step: {name}\n    tool: {{kind: python, code: \"def main(): return {code}\"}}\n    next: [{next}]\n"
        )
    };
    let playbook = format!(
        "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {{name: p}}\nworkflow:\n{}{}{}",
        step("short", "{'a': [1, 'ü']}", "{step: long}"),
        step("long", "'x' * 1000", "{step: none}"),
        step("none", "None", "")
    );
    let workspace = program::Workspace::new(&[("p.yaml", &playbook)]);
    let output = workspace.run(&["run", "p.yaml"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let results: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  result: "))
        .collect();
    let long = format!("\"{}… (`--output json` shows all of it)", "x".repeat(499));
    assert_eq!(results, [r#"{"a":[1,"ü"]}"#, &long], "{text}");
}

#[tokio::test]
async fn without_python_the_hint_names_a_key_of_this_tool() {
    let folder = folder();
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.path().join("jobs");
    settings.search_path = folder.path().display().to_string();
    let host = guests::local_host(folder.path(), settings).await;
    let outcome = call(&host, "def main(): return 1", json!({})).await;
    assert_eq!(
        outcome.text("reason"),
        Some("InterpreterMissing"),
        "{outcome:?}"
    );
    assert_eq!(outcome.text("field"), Some("job.command"));
    let hint = "install `python3`, or set `job.command` to a program that is";
    assert_eq!(outcome.text("hint"), Some(hint));
}

#[test]
fn the_line_of_a_result_is_not_shown_among_the_log() {
    let playbook = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: p}\nworkflow:\n\
        - step: one\n  tool:\n    kind: python\n    code: |\n      \
        def main():\n          print('counting')\n          print('[noetl-result of mine')\n          \
        print('no line end', end='')\n          return 'x' * 20_000\n\
        \x20\x20next: [{step: two}]\n\
        - step: two\n  tool: {kind: python, code: \"def main(): raise ValueError('wrong')\"}\n";
    let workspace = program::Workspace::new(&[("p.yaml", playbook)]);
    let output = workspace.run(&["run", "p.yaml"]);
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(
        shown.contains("  | counting\n  | [noetl-result of mine\n  | no line end\n"),
        "{shown}"
    );
    assert!(shown.contains("  | ValueError: wrong\n"), "{shown}");
    assert!(
        !shown.contains("xxxx") && !shown.contains("noetl-failure"),
        "{shown}"
    );
    assert_eq!(shown.matches("noetl-result").count(), 1, "{shown}");
    let results = String::from_utf8(output.stdout).unwrap();
    assert!(results.contains("  result: \"xxxx"), "{results}");
}

/// A secret may be a word of an outcome. What is a word of the program cannot be kept from those who may read it, and
/// nothing is started.
#[tokio::test]
async fn a_secret_that_is_a_word_of_an_outcome_leaves_the_result() {
    let (host, _folder) = local().await;
    for (secret, reason) in [
        ("completed", None),
        ("attempts", None),
        ("omitted_bytes", None),
        ("python", Some("SecretInSpec")),
        ("result", Some("SecretInSpec")),
    ] {
        let config = json!({
            "code": "def main(token): return {'n': len(token), 'is': token}",
            "args": {"token": "{{ secret.token }}"},
        });
        let templates = TemplateContext::default().with_secrets(secrets(secret));
        let request = CallRequest::new(
            "python".parse().unwrap(),
            config,
            ExecutionId::new("7"),
            StepName::new("step"),
        );
        let outcome = host.call(request.with_templates(templates)).await.unwrap();
        assert_eq!(outcome.text("reason"), reason, "{secret}: {outcome:?}");
        if reason.is_none() {
            let expected = json!({"n": secret.len(), "is": "***"});
            assert_eq!(outcome.document()["result"], expected, "{outcome:?}");
            assert_eq!(outcome.text("status"), Some("completed"), "{outcome:?}");
        }
    }
}

fn secrets(token: &str) -> Arc<CredentialsFile> {
    let text = format!("secrets: {{token: '{token}'}}");
    let document = Document::parse("credentials.yaml", &text).unwrap();
    Arc::new(CredentialsFile::parse(&document, &PathBuf::new()).unwrap())
}

#[tokio::test]
async fn a_secret_in_a_result_is_redacted() {
    let (host, _folder) = local().await;
    let config = json!({
        "code": "import os\ndef main(token): return {'is': [token, os.environ['T']], 'n': len(token)}",
        "args": {"token": "{{ secret.token }}"},
        "job": {"env": {"T": "{{ secret.token }}"}},
    });
    let secrets = "secrets: {token: 'correct \"horse\" battery'}";
    let secrets = Document::parse("credentials.yaml", secrets).unwrap();
    let templates = TemplateContext::default().with_secrets(Arc::new(
        CredentialsFile::parse(&secrets, &PathBuf::new()).unwrap(),
    ));
    let request = CallRequest::new(
        "python".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    );
    let outcome = host.call(request.with_templates(templates)).await.unwrap();
    assert_eq!(outcome.document()["result"]["n"], 23, "{outcome:?}");
    assert!(!format!("{:?}", outcome.document()).contains("horse"));
}
