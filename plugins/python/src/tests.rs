//! The tool as a whole, on a scripted host.

use alloc::format;
use alloc::string::{String, ToString};

use noetl_tool_sdk::mock::{Call, MockAttempt, MockHost, MockJob, Operation};
use noetl_tool_sdk::{AttemptEnd, Explanation, JobStatus, Tool, derived_schema};
use serde_json::{Value, json};

use crate::Python;
use crate::program::Program;

const CODE: &str = "def main(name):\n    return f\"hello \\\"{name}\\\"\"\n";
const JOB: &str = "python-verify-job-522095307073519743";
const CONTEXT: [(&str, &str); 3] = [
    ("execution-id", "522095307073519743"),
    ("step", "verify_job"),
    ("engine", "kubernetes"),
];

fn host() -> MockHost {
    MockHost::new().context(&CONTEXT)
}

fn config() -> Value {
    json!({"code": CODE, "args": {"name": "Ada"}})
}

/// The line with which a program reports a result.
fn result_line(json: &str) -> String {
    let marks = Program::new(JOB, CODE).unwrap().marks;
    format!("{}{json}\n", marks.result)
}

fn failure_line(report: &Value) -> String {
    let marks = Program::new(JOB, CODE).unwrap().marks;
    format!("{}{report}\n", marks.failure)
}

/// What becomes of a job that ends like this.
fn outcome(job: MockJob) -> Value {
    host().job(job).call::<Python>(&config()).unwrap()
}

#[test]
fn the_schema_is_the_one_of_the_configuration() {
    let derived: Value = serde_json::from_str(&derived_schema::<Python>()).unwrap();
    let stored: Value = serde_json::from_str(&Python::schema()).unwrap();
    assert_eq!(
        stored, derived,
        "`schema.json` is out of date: it must be\n{derived:#}"
    );
}

#[test]
fn returns_what_main_returned() {
    let log = format!(
        "hello\n{}",
        result_line("{\"b\": 1, \"a\": [null, \"\\u2713\"]}")
    );
    let outcome = outcome(MockJob::succeeds(&log));
    let expected = json!({
        "status": "completed", "step": "verify_job", "job_name": JOB, "output": "hello\n",
        "result": {"b": 1, "a": [null, "✓"]}, "reason": null, "exit_code": 0,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&outcome[name], value, "{name}");
    }
    assert_eq!(outcome["attempts"][0]["output"], "hello\n");
    assert_eq!(outcome["attempts"][0]["output_bytes"], 6);
}

#[test]
fn the_job_gets_the_arguments_as_a_secret_and_the_code_as_a_literal() {
    let host = host().job(MockJob::succeeds(&result_line("1")));
    host.call::<Python>(&config()).unwrap();
    let calls = host.calls_of(Operation::CreateJob);
    let [
        Call::CreateJob {
            name,
            options,
            script: Some((file_name, program)),
            environment,
        },
    ] = calls.as_slice()
    else {
        panic!("one job, not {calls:?}");
    };
    assert_eq!((name.as_str(), file_name.as_str()), (JOB, "step.py"));
    assert_eq!(
        options["command"],
        json!(["python3", "-u", "$(NOETL_SCRIPT)"])
    );
    assert_eq!(options["image"], "python:3.11-slim");
    assert_eq!(options["backoffLimit"], 0);
    assert_eq!(environment[0].value(), "{\"name\":\"Ada\"}");
    let program = core::str::from_utf8(program).unwrap();
    let first =
        "CODE = \"def main(name):\\n    return f\\\"hello \\\\\\\"{name}\\\\\\\"\\\"\\n\"\n";
    assert!(program.starts_with(first), "{program}");
    assert!(!program.contains("Ada"));
}

#[test]
fn a_repeated_call_makes_the_same_program_and_another_step_another() {
    let program = |job: &str, code: &str| Program::new(job, code).unwrap().source;
    assert_eq!(program(JOB, CODE), program(JOB, CODE));
    let marks = |job: &str, code: &str| Program::new(job, code).unwrap().marks.result;
    assert_ne!(marks(JOB, CODE), marks("python-other-1", CODE));
    assert_ne!(marks(JOB, CODE), marks(JOB, "def main(): pass"));
}

#[test]
fn says_what_the_program_says_of_its_failure() {
    let report = json!({
        "reason": "MainMissing", "message": "no `main`", "hint": "write one", "field": "code",
    });
    let log = format!("before\n{}", failure_line(&report));
    let outcome = outcome(MockJob::new().attempt(MockAttempt::exits(1).output(&log)));
    assert_eq!(outcome["status"], "failed");
    for (name, value) in report.as_object().unwrap() {
        assert_eq!(&outcome[name], value, "{name}");
        assert_eq!(&outcome["attempts"][0][name], value, "{name}");
    }
    assert_eq!(outcome["output"], "before\n");
    assert_eq!(outcome["result"], Value::Null);
}

#[test]
fn an_engine_that_ended_the_job_knows_better_than_the_program() {
    let report = json!({"reason": "ScriptError", "message": "`main` raised `MemoryError`"});
    let end = AttemptEnd {
        exit_code: Some(137),
        explanation: Explanation::new("OOMKilled", "out of memory")
            .with_field("job.resources.limits.memory"),
        ..AttemptEnd::default()
    };
    let attempt = MockAttempt::ends(end).output(&failure_line(&report));
    let outcome = outcome(MockJob::new().attempt(attempt));
    assert_eq!(outcome["reason"], "OOMKilled");
    assert_eq!(outcome["field"], "job.resources.limits.memory");
}

#[test]
fn a_job_that_succeeds_without_a_result_fails() {
    let foreign = result_line("1").replace("[noetl-result ", "[noetl-result 0");
    let cases = [
        (String::new(), "ResultMissing"),
        (foreign, "ResultMissing"),
        (result_line("1,,"), "ResultInvalid"),
        (failure_line(&json!({"reason": "R", "message": "m"})), "R"),
    ];
    for (log, reason) in cases {
        let outcome = outcome(MockJob::succeeds(&log));
        assert_eq!(outcome["status"], "failed", "{log}");
        assert_eq!(outcome["reason"], reason, "{log}");
        assert_eq!(outcome["result"], Value::Null, "{log}");
    }
}

#[test]
fn a_result_counts_from_the_attempt_that_succeeded_alone() {
    let first = MockAttempt::exits(1).output(&result_line("1"));
    let job = MockJob::new().attempt(first).attempt(MockAttempt::exits(0));
    let outcome = outcome(job);
    assert_eq!(outcome["reason"], "ResultMissing");
    assert_eq!(outcome["attempts"][0]["output"], "");
}

#[test]
fn the_largest_result_survives_the_longest_log() {
    let text = "x".repeat(crate::report::MAX_RESULT_BYTES);
    let line = result_line(&json!(text).to_string());
    let log = format!("{}{line}", "a line of the log\n".repeat(20_000));
    let outcome = outcome(MockJob::succeeds(&log));
    assert_eq!(outcome["result"], text.as_str());
    let omitted = outcome["attempts"][0]["omitted_bytes"].as_u64().unwrap();
    let output = outcome["output"].as_str().unwrap();
    assert!(omitted > 0 && output.contains("bytes are left out"));
    assert!(!output.contains("noetl-result"));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_happens() {
    let cases = [
        (json!({"code": " \n"}), "code"),
        (json!({"code": CODE, "job": {"command": []}}), "job.command"),
        (
            json!({"code": CODE, "job": {"env": {"A-B": 1}}}),
            "job.env.A-B",
        ),
    ];
    for (config, field) in cases {
        let host = host();
        let error = host.call::<Python>(&config).unwrap_err();
        assert_eq!(error.field(), Some(field), "{config}");
        assert!(host.calls().is_empty(), "{config}");
    }
}

#[test]
fn a_job_that_was_cancelled_has_no_result() {
    let end = noetl_tool_sdk::JobEnd {
        status: JobStatus::Cancelled,
        succeeded: 0,
        failed: 0,
        explanation: Explanation {
            reason: Some("Cancelled".to_string()),
            ..Explanation::default()
        },
    };
    let outcome = outcome(MockJob::succeeds(&result_line("1")).ends(end));
    assert_eq!(outcome["status"], "cancelled");
    assert_eq!(outcome["result"], Value::Null);
}
