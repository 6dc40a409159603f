//! The tool as a whole, on a scripted host.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use noetl_tool_sdk::mock::{Call, MockAttempt, MockHost, MockJob, Operation};
use noetl_tool_sdk::{
    AttemptEnd, Context, Details, Error, Explanation, JobEnd, JobEventKind, JobStatus, Tool, code,
    derived_schema, describe, invoke,
};
use serde_json::{Value, json};

use crate::Script;

const URI: &str = "gs://data-pipelines/scripts/processor.py";
const CONTEXT: [(&str, &str); 3] = [
    ("execution-id", "522095307073519743"),
    ("step", "process_data"),
    ("engine", "kubernetes"),
];

fn host() -> MockHost {
    MockHost::new()
        .context(&CONTEXT)
        .object(URI, "print('hello')\n")
}

fn config(job: &Value) -> Value {
    json!({"script": {"uri": URI, "source": {"type": "gcs", "auth": "google_oauth"}}, "job": job})
}

/// The options of the only job.
fn options(host: &MockHost) -> serde_json::Map<String, Value> {
    let calls = host.calls_of(Operation::CreateJob);
    let [Call::CreateJob { options, .. }] = calls.as_slice() else {
        panic!("one job, not {calls:?}");
    };
    options.clone()
}

fn failed_with(reason: &str) -> AttemptEnd {
    AttemptEnd {
        signal: Some(9),
        explanation: Explanation::new(reason, format!("ended by {reason}")),
        duration: Duration::from_millis(2500),
        ..AttemptEnd::default()
    }
}

fn end(status: JobStatus, reason: &str) -> JobEnd {
    JobEnd {
        status,
        succeeded: 0,
        failed: 1,
        explanation: Explanation {
            reason: Some(reason.into()),
            ..Explanation::default()
        },
    }
}

fn full_configuration() -> Value {
    json!({
        "script": {"uri": URI, "source": {"type": "gcs", "auth": "gcp_service_account"}},
        "args": {"mode": "batch", "chunk_size": 1000},
        "job": {
            "image": "python:3.11-slim",
            "namespace": "noetl",
            "ttlSecondsAfterFinished": 300,
            "backoffLimit": 3,
            "activeDeadlineSeconds": 3600,
            "resources": {
                "requests": {"memory": "512Mi", "cpu": "1000m"},
                "limits": {"memory": "2Gi", "cpu": "2000m"},
            },
            "env": {"GCP_TOKEN": "sealed.x", "LOG_LEVEL": "INFO", "DEBUG": true, "N": 3},
        },
    })
}

#[test]
fn returns_the_result_of_the_specification() {
    let host = host().job(MockJob::succeeds("[INFO] Complete"));
    let outcome = host.call::<Script>(&full_configuration()).unwrap();
    let expected = json!({
        "status": "completed",
        "job_name": "script-process-data-522095307073519743",
        "pod_name": "pod-1",
        "execution_time": 1.0,
        "output": "[INFO] Complete",
        "succeeded": 1,
        "failed": 0,
        "exit_code": 0,
        "reason": null,
        "message": null,
        "hint": null,
        "field": null,
        "warnings": [],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&outcome[name], value, "{name}");
    }
    assert_eq!(outcome["script"]["uri"], URI);
    assert_eq!(outcome["script"]["bytes"], 15);
}

#[test]
fn asks_the_host_for_what_the_full_configuration_says() {
    let host = host();
    host.call::<Script>(&full_configuration()).unwrap();
    let options = [("type", "gcs"), ("auth", "gcp_service_account")];
    let fetched = Call::FetchObject {
        uri: URI.into(),
        options: options
            .map(|(name, value)| (name.into(), json!(value)))
            .into_iter()
            .collect(),
    };
    assert_eq!(host.calls_of(Operation::FetchObject), [fetched]);

    let calls = host.calls_of(Operation::CreateJob);
    let [
        Call::CreateJob {
            name,
            options,
            script,
            environment,
        },
    ] = calls.as_slice()
    else {
        panic!("one job, not {calls:?}");
    };
    assert_eq!(name, "script-process-data-522095307073519743");
    assert_eq!(
        script,
        &Some(("processor.py".into(), b"print('hello')\n".to_vec()))
    );
    let expected = json!({
        "command": ["python3", "$(NOETL_SCRIPT)", "$(NOETL_ARGS)"],
        "backoffLimit": 3,
        "activeDeadlineSeconds": 3600,
        "ttlSecondsAfterFinished": 300,
        "resources": {
            "requests": {"memory": "512Mi", "cpu": "1000m"},
            "limits": {"memory": "2Gi", "cpu": "2000m"},
        },
        "labels": {
            "app": "noetl-script",
            "app.kubernetes.io/managed-by": "toolhost",
            "app.kubernetes.io/name": "noetl-script",
            "noetl.io/execution-id": "522095307073519743",
            "noetl.io/step": "process_data",
        },
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&options[name], value, "{name}");
    }
    let entries: Vec<_> = environment
        .iter()
        .map(|entry| (entry.name(), entry.value(), entry.format()))
        .collect();
    let [variables @ .., (arguments, value, "json")] = entries.as_slice() else {
        panic!("the arguments come last, in {entries:?}");
    };
    let expected = [
        ("DEBUG", "true", "text"),
        ("GCP_TOKEN", "sealed.x", "text"),
        ("LOG_LEVEL", "INFO", "text"),
        ("N", "3", "text"),
    ];
    assert_eq!(variables, expected);
    let value: Value = serde_json::from_str(value).unwrap();
    assert_eq!(
        (*arguments, value),
        ("NOETL_ARGS", full_configuration()["args"].clone())
    );
}

#[test]
fn has_the_defaults_of_the_specification() {
    let host = MockHost::new().object("a.py", "");
    host.call::<Script>(&json!({"script": {"uri": "a.py"}}))
        .unwrap();
    let options = options(&host);
    assert_eq!(options["image"], "python:3.11-slim");
    assert_eq!(options["imagePullPolicy"], "IfNotPresent");
    assert_eq!(options["namespace"], "noetl");
    assert_eq!(options["backoffLimit"], 3);
    for absent in [
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
        "resources",
        "affinity",
    ] {
        assert!(!options.contains_key(absent), "{absent}");
    }
}

#[test]
fn keeps_the_order_of_arguments() {
    let host = MockHost::new().object("a.py", "");
    let config = r#"{"script": {"uri": "a.py"}, "input": {"z": 1, "a": [2.50, "x y"]}}"#;
    let context = Context::from(CONTEXT.into_iter().collect::<Details>());
    invoke::<Script>(&host, config, &context).unwrap();
    let Some(Call::CreateSecret { entries }) = host.calls_of(Operation::CreateSecret).pop() else {
        panic!("a secret");
    };
    assert_eq!(entries[0].value(), r#"{"z":1,"a":[2.50,"x y"]}"#);
}

#[test]
fn accepts_snake_case_and_numbers_as_text() {
    let camel = host();
    camel
        .call::<Script>(&config(&json!({
            "imagePullPolicy": "Always", "backoffLimit": 1, "activeDeadlineSeconds": 60,
            "ttlSecondsAfterFinished": 30, "serviceAccountName": "runner",
            "nodeSelector": {"disk": "ssd"}, "imagePullSecrets": [{"name": "registry"}],
            "resources": {"limits": {"cpu": "1"}}, "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        })))
        .unwrap();
    let snake = host();
    snake
        .call::<Script>(&config(&json!({
            "image_pull_policy": "Always", "backoff_limit": "1", "active_deadline_seconds": "60",
            "ttl_seconds_after_finished": "30", "service_account_name": "runner",
            "node_selector": {"disk": "ssd"}, "image_pull_secrets": ["registry"],
            "resources": {"limits": {"cpu": 1}}, "volume_mounts": [{"name": "v", "mountPath": "/v"}],
        })))
        .unwrap();
    assert_eq!(options(&camel), options(&snake));
}

#[test]
fn the_schema_is_the_one_of_the_configuration() {
    let derived: Value = serde_json::from_str(&derived_schema::<Script>()).unwrap();
    let stored: Value = serde_json::from_str(&Script::schema()).unwrap();
    assert_eq!(
        stored, derived,
        "`schema.json` is out of date: it must be\n{derived:#}"
    );
}

#[test]
fn every_key_of_the_schema_is_a_key_of_the_configuration() {
    let description: Value = serde_json::from_str(&describe::<Script>("0.1.0")).unwrap();
    let schema = &description["schema"];
    assert_eq!(schema["additionalProperties"], false);
    let job = schema["$defs"]["JobConfig"]["properties"]
        .as_object()
        .unwrap();
    assert!(job.len() > 30, "{} keys in two spellings", job.len());
    for key in job.keys() {
        let config = format!(r#"{{"script": {{}}, "job": {{"{key}": null}}}}"#);
        let parsed = serde_json::from_str::<crate::Config>(&config);
        assert!(parsed.is_ok(), "{key}: {parsed:?}");
    }
    let multiword = |key: &&String| key.chars().any(char::is_uppercase);
    for key in job.keys().filter(multiword) {
        let snake = noetl_job_tool::config::snake_case(key);
        assert!(job.contains_key(&snake), "{key} without {snake}");
        let config = format!(r#"{{"script": {{}}, "job": {{"{key}": null, "{snake}": null}}}}"#);
        let error = serde_json::from_str::<crate::Config>(&config).unwrap_err();
        assert!(
            error.to_string().contains("duplicate field"),
            "{key}: {error}"
        );
    }
    assert!(schema["properties"]["input"].is_object());
}

#[test]
fn lists_every_attempt_of_a_job_that_succeeds_late() {
    let job = MockJob::new()
        .attempt(MockAttempt::exits(3).output("first"))
        .attempt(MockAttempt::exits(4).output("second"))
        .attempt(MockAttempt::exits(0).output("third"));
    let outcome = host().job(job).call::<Script>(&config(&json!({}))).unwrap();
    assert_eq!(outcome["status"], "completed");
    assert_eq!(
        (&outcome["succeeded"], &outcome["failed"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(outcome["output"], "third");
    assert_eq!(outcome["pod_name"], "pod-3");
    assert_eq!(outcome["execution_time"], 33.0);
    let seen: Vec<_> = outcome["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| {
            (
                attempt["attempt"].as_u64(),
                attempt["exit_code"].as_i64(),
                attempt["output"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Some(1), Some(3), Some("first")),
            (Some(2), Some(4), Some("second")),
            (Some(3), Some(0), Some("third")),
        ]
    );
    assert_eq!(outcome["attempts"][0]["reason"], "ScriptError");
}

#[test]
fn says_what_the_last_attempt_died_of() {
    let output = "Traceback\nModuleNotFoundError: No module named 'pandas'\n";
    let job = MockJob::new()
        .attempt(MockAttempt::exits(1).output(output))
        .attempt(MockAttempt::exits(1).output(output));
    let outcome = host()
        .job(job)
        .call::<Script>(&config(&json!({"backoffLimit": 1})))
        .unwrap();
    assert_eq!(outcome["status"], "failed");
    assert_eq!(outcome["failed"], 2);
    assert_eq!(outcome["exit_code"], 1);
    assert_eq!(outcome["reason"], "ScriptError");
    assert!(outcome["hint"].as_str().unwrap().contains("`pandas`"));
    assert_eq!(outcome["field"], "job.image");
}

#[test]
fn passes_on_how_the_engine_explains_a_job_that_ran_out_of_memory() {
    let job = MockJob::new().attempt(MockAttempt::ends(AttemptEnd {
        explanation: Explanation::new("OOMKilled", "ended by OOMKilled")
            .with_hint("`limits.memory` is 64Mi; raise it")
            .with_field("job.resources.limits.memory"),
        ..failed_with("OOMKilled")
    }));
    let limits = json!({"resources": {"limits": {"memory": "64Mi"}}});
    let outcome = host().job(job).call::<Script>(&config(&limits)).unwrap();
    assert_eq!(
        (&outcome["status"], &outcome["reason"]),
        (&json!("failed"), &json!("OOMKilled"))
    );
    assert!(outcome["hint"].as_str().unwrap().contains("64Mi"));
    assert_eq!(outcome["field"], "job.resources.limits.memory");
    assert_eq!(outcome["exit_code"], Value::Null);
    assert_eq!(outcome["attempts"][0]["signal"], 9);
    assert_eq!(outcome["attempts"][0]["duration"], 2.5);
}

#[test]
fn a_deadline_is_a_timeout() {
    let job = MockJob::new()
        .attempt(MockAttempt::ends(failed_with("DeadlineExceeded")).output("working"))
        .ends(end(JobStatus::Failed, "DeadlineExceeded"));
    let deadline = json!({"activeDeadlineSeconds": 60});
    let outcome = host().job(job).call::<Script>(&config(&deadline)).unwrap();
    assert_eq!(outcome["status"], "timeout");
    assert_eq!(outcome["reason"], "DeadlineExceeded");
    assert_eq!(outcome["output"], "working");
}

#[test]
fn a_job_that_never_started_took_no_time() {
    let job = MockJob::new()
        .event(JobEventKind::Waiting {
            reason: "ErrImagePull".into(),
            message: "no".into(),
        })
        .ends(JobEnd {
            explanation: Explanation::new("ImagePull", "the image does not exist")
                .with_hint("check `job.image`")
                .with_field("job.image"),
            failed: 0,
            ..end(JobStatus::Failed, "ImagePull")
        });
    let outcome = host().job(job).call::<Script>(&config(&json!({}))).unwrap();
    assert_eq!(outcome["status"], "failed");
    assert_eq!(outcome["execution_time"], 0.0);
    assert_eq!(
        (&outcome["pod_name"], &outcome["output"]),
        (&Value::Null, &json!(""))
    );
    assert_eq!(
        (&outcome["reason"], &outcome["hint"]),
        (&json!("ImagePull"), &json!("check `job.image`"))
    );
}

#[test]
fn a_deadline_that_passes_while_nothing_could_start_is_a_timeout_for_what_it_waited_for() {
    let job = MockJob::new().ends(JobEnd {
        failed: 0,
        ..end(JobStatus::TimedOut, "Unschedulable")
    });
    let outcome = host().job(job).call::<Script>(&config(&json!({}))).unwrap();
    assert_eq!(outcome["status"], "timeout");
    assert_eq!(outcome["reason"], "Unschedulable");
    assert_eq!(
        (&outcome["attempts"], &outcome["failed"]),
        (&json!([]), &json!(0))
    );
}

#[test]
fn a_cancelled_job_is_cancelled() {
    let job = MockJob::new()
        .attempt(MockAttempt::ends(failed_with("Cancelled")))
        .ends(end(JobStatus::Cancelled, "Cancelled"));
    let outcome = host().job(job).call::<Script>(&config(&json!({}))).unwrap();
    assert_eq!(
        (&outcome["status"], &outcome["reason"]),
        (&json!("cancelled"), &json!("Cancelled"))
    );
}

#[test]
fn cuts_long_output_in_the_middle_and_says_so() {
    let output = "x".repeat(100_000) + "\nthe end\n";
    let outcome = host()
        .job(MockJob::succeeds(&output))
        .call::<Script>(&config(&json!({})))
        .unwrap();
    let shown = outcome["output"].as_str().unwrap();
    assert!(shown.len() < 70_000);
    assert!(shown.ends_with("\nthe end\n"));
    let attempt = &outcome["attempts"][0];
    assert!(shown.contains(&format!("{} bytes are left out", attempt["omitted_bytes"])));
    assert_eq!(attempt["output_bytes"], 100_009);
    assert_eq!(attempt["log"], "/mock/log");
}

#[test]
fn keeps_the_last_of_many_attempts() {
    let job = (0..30).fold(MockJob::new(), |job, _| job.attempt(MockAttempt::exits(1)));
    let outcome = host()
        .job(job)
        .call::<Script>(&config(&json!({"backoffLimit": 29})))
        .unwrap();
    let attempts = outcome["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), noetl_job_tool::MAX_ATTEMPTS);
    assert_eq!(attempts.last().unwrap()["attempt"], 30);
    assert_eq!(outcome["failed"], 30);
    assert_eq!(outcome["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn hands_on_warnings_once() {
    let warning = |message: &str| JobEventKind::Warning {
        message: message.into(),
    };
    let job = MockJob::succeeds("")
        .event(warning("a"))
        .event(warning("b"))
        .event(warning("a"));
    let outcome = host().job(job).call::<Script>(&config(&json!({}))).unwrap();
    assert_eq!(outcome["warnings"], json!(["a", "b"]));
}

#[test]
fn runs_a_script_from_the_playbook() {
    let host = MockHost::new().job(MockJob::succeeds("hi"));
    let content = "#!/bin/sh\necho hi\n";
    let config = json!({"script": {"content": content}});
    assert_eq!(host.call::<Script>(&config).unwrap()["output"], "hi");
    assert_eq!(host.calls_of(Operation::FetchObject), []);
    assert_eq!(
        options(&host)["command"],
        json!(["sh", "$(NOETL_SCRIPT)", "$(NOETL_ARGS)"])
    );

    let pinned = json!({"script": {"content": content, "sha256": "0".repeat(64)}});
    let error = MockHost::new().call::<Script>(&pinned).unwrap_err();
    assert_eq!(error.code, code::CHECKSUM_MISMATCH);
}

#[test]
fn a_command_of_the_playbook_replaces_the_interpreter() {
    let host = host();
    let command = json!(["bash", "-c", "pip install x && python $(NOETL_SCRIPT)"]);
    host.call::<Script>(&config(&json!({"command": command})))
        .unwrap();
    assert_eq!(options(&host)["command"], command);
}

#[test]
fn what_cannot_be_is_refused_before_anything_happens() {
    let cases = [
        (json!({"script": {}}), "script.uri"),
        (
            json!({"script": {"uri": "s3://b/a.py", "source": {"type": "gcs"}}}),
            "script.uri",
        ),
        (
            json!({"script": {"uri": "a.py", "sha256": "12"}}),
            "script.sha256",
        ),
        (
            json!({"script": {"uri": "a.py", "interpreter": []}}),
            "script.interpreter",
        ),
        (
            json!({"script": {"uri": "a.py", "interpreter": "sh"}, "job": {"command": ["sh"]}}),
            "job.command",
        ),
        (
            json!({"script": {"uri": "a.py"}, "job": {"env": {"A-B": 1}}}),
            "job.env.A-B",
        ),
        (
            json!({"script": {"uri": "a.py"}, "job": {"labels": {"app": "x"}}}),
            "job.labels.app",
        ),
        (
            json!({"script": {"uri": "a.py"}, "job": {"labels": {"x": "a b"}}}),
            "job.labels.x",
        ),
        (
            json!({"script": {"uri": "a.py"}, "job": {"activeDeadlineSeconds": 0}}),
            "job.activeDeadlineSeconds",
        ),
        (
            json!({"script": {"uri": "a.py"}, "job": {"backoffLimit": 5_000_000_000_u64}}),
            "job.backoffLimit",
        ),
        (
            json!({"script": {"uri": "a.py"}, "job": {"resources": {"limits": {"memory": "1GB"}}}}),
            "job.resources.limits.memory",
        ),
    ];
    for (config, field) in cases {
        let host = MockHost::new().object("a.py", "");
        let error = host.call::<Script>(&config).unwrap_err();
        assert_eq!(error.code, code::INVALID_REQUEST, "{config}");
        assert_eq!(error.field(), Some(field), "{config}");
        assert_eq!(host.calls(), [], "{config}");
    }
    for config in [
        json!({}),
        json!({"script": {"url": "a.py"}}),
        json!({"script": {"uri": "a.py"}, "job": {"env": {"A": null}}}),
        json!({"script": {"uri": "a.py"}, "job": {"env": {"A": {"b": 1}}}}),
        json!({"script": {"uri": "a.py"}, "args": 1, "input": 2}),
        json!({"script": {"uri": "a.py"}, "jobs": {}}),
    ] {
        let host = MockHost::new().object("a.py", "");
        assert_eq!(
            host.call::<Script>(&config).unwrap_err().code,
            code::INVALID_REQUEST,
            "{config}"
        );
        assert_eq!(host.calls(), [], "{config}");
    }
}

#[test]
fn hands_on_what_the_host_refuses() {
    for operation in [
        Operation::FetchObject,
        Operation::CreateSecret,
        Operation::CreateJob,
        Operation::WatchJob,
        Operation::ReadExcerpt,
    ] {
        let refusal = Error::new("SomeCode", "no")
            .with_hint("ask again")
            .retryable();
        let host = host().fails(operation, refusal.clone());
        assert_eq!(
            host.call::<Script>(&config(&json!({}))).unwrap_err(),
            refusal,
            "{operation:?}"
        );
    }
    let missing = json!({"script": {"uri": "gs://b/none.py"}});
    let error = host().call::<Script>(&missing).unwrap_err();
    assert_eq!(error.code, code::FETCH_NOT_FOUND);
}

#[test]
fn what_is_secret_is_in_the_secret_alone() {
    const SEALED: &str = "sealed.0123456789abcdef0123456789abcdef";
    let content = "#!/usr/bin/env python3\n";
    let host = MockHost::new()
        .context(&CONTEXT)
        .object("https://h/a.py", content);
    host.call::<Script>(&json!({
        "script": {
            "uri": "https://h/a.py",
            "source": {"type": "http", "headers": {"Authorization": format!("Bearer {SEALED}")}},
        },
        "args": {"connection": SEALED, "list": [SEALED]},
        "job": {"env": {"TOKEN": SEALED, "URL": format!("https://{SEALED}@h")}},
    }))
    .unwrap();
    for call in host.calls() {
        let text = match &call {
            Call::CreateSecret { .. } | Call::FetchObject { .. } => continue,
            Call::CreateJob { name, options, .. } => format!("{name} {options:?}"),
            other => format!("{other:?}"),
        };
        assert!(!text.contains(SEALED), "{text}");
    }
}

#[test]
fn the_hash_tells_specifications_apart_and_not_calls() {
    let hash = |config: &Value| {
        let host = host();
        host.call::<Script>(config).unwrap();
        options(&host)["annotations"]["noetl.io/spec-hash"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let plain = hash(&config(&json!({"env": {"TOKEN": "sealed.1"}})));
    assert_eq!(plain, hash(&config(&json!({"env": {"TOKEN": "sealed.2"}}))));
    let others = [
        json!({"env": {"OTHER": "sealed.1"}}),
        json!({"env": {"TOKEN": "x"}, "image": "python:3.12"}),
        json!({"env": {"TOKEN": "x"}, "backoffLimit": 4}),
        json!({"env": {"TOKEN": "x"}, "annotations": {"a": "b"}}),
        json!({"env": {"TOKEN": "x"}, "command": ["sh"]}),
    ];
    let mut seen = BTreeMap::from([(plain, json!(null))]);
    for other in others {
        let hash = hash(&config(&other));
        assert_eq!(seen.insert(hash, other.clone()), None, "{other}");
    }
}

#[test]
fn hands_on_what_only_an_engine_understands() {
    let job = json!({
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "low",
        "runtimeClassName": "gvisor",
        "volumes": [{"name": "v", "emptyDir": {}}],
        "securityContext": {"runAsUser": 1000},
        "podTemplate": {"spec": {"hostAliases": []}},
        "annotations": {"team": 7},
    });
    let host = host();
    host.call::<Script>(&config(&job)).unwrap();
    let options = options(&host);
    for (key, value) in job.as_object().unwrap() {
        if key != "annotations" {
            assert_eq!(&options[key], value, "{key}");
        }
    }
    assert_eq!(options["annotations"]["team"], "7");
}

#[test]
fn reports_where_it_is_without_query_strings() {
    let host = MockHost::new().object("https://h/a.py?sig=abc", "");
    host.call::<Script>(&json!({"script": {"uri": "https://h/a.py?sig=abc"}}))
        .unwrap();
    let reports = host.calls_of(Operation::Report);
    let stages: Vec<String> = reports.iter().map(|call| format!("{call:?}")).collect();
    assert_eq!(stages.len(), 2);
    assert!(
        stages[0].contains("https://h/a.py`") && stages[1].contains("creating"),
        "{stages:?}"
    );
}
