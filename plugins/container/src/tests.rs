//! The tool as a whole, on a scripted host.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use noetl_job_tool::config::JobConfig;
use noetl_tool_sdk::mock::{Call, MockAttempt, MockHost, MockJob, Operation};
use noetl_tool_sdk::{Tool, derived_schema};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::Container;

const JOB: &str = "container-train-model-522095307073519743";
const CONTEXT: [(&str, &str); 3] = [
    ("execution-id", "522095307073519743"),
    ("step", "train_model"),
    ("engine", "kubernetes"),
];

fn host() -> MockHost {
    MockHost::new().context(&CONTEXT)
}

/// The options of the job, and its environment as names and values.
fn created(config: &Value) -> (Map<String, Value>, Vec<(String, String)>) {
    let host = host().job(MockJob::succeeds(""));
    host.call::<Container>(config)
        .unwrap_or_else(|error| panic!("{config}: {error:?}"));
    let calls = host.calls_of(Operation::CreateJob);
    let [
        Call::CreateJob {
            name,
            options,
            script: None,
            environment,
        },
    ] = calls.as_slice()
    else {
        panic!("one job without a script, not {calls:?}");
    };
    assert_eq!(name, JOB);
    let environment = environment
        .iter()
        .map(|entry| (entry.name().to_string(), entry.value().to_string()))
        .collect();
    (options.clone(), environment)
}

fn refused(config: &Value) -> noetl_tool_sdk::Error {
    let host = host();
    let error = host.call::<Container>(config).unwrap_err();
    assert!(host.calls().is_empty(), "{config}");
    error
}

#[test]
fn the_schema_is_the_one_of_the_configuration() {
    let derived: Value = serde_json::from_str(&derived_schema::<Container>()).unwrap();
    let stored: Value = serde_json::from_str(&Container::schema()).unwrap();
    assert_eq!(
        stored, derived,
        "`schema.json` is out of date: it must be\n{derived:#}"
    );
}

#[test]
fn everything_of_a_job_is_a_key_with_the_same_values() {
    let schema: Value = serde_json::from_str(&derived_schema::<Container>()).unwrap();
    let generator = SchemaSettings::draft2020_12().into_generator();
    let job = generator.into_root_schema_for::<JobConfig>();
    let job = job.get("properties").and_then(Value::as_object).unwrap();
    // What a container runs has forms of its own.
    let own = ["command", "env", "image"];
    assert!(job.len() > 30);
    for (name, value) in job.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        let key = &schema["properties"][name];
        for part in [
            "type",
            "items",
            "properties",
            "additionalProperties",
            "minimum",
            "anyOf",
        ] {
            let wanted = value.get(part).unwrap_or(&Value::Null);
            assert_eq!(&key[part], wanted, "`{part}` of `{name}`");
        }
    }
}

#[test]
fn an_image_alone_runs_its_own_program() {
    let (options, environment) =
        created(&json!({"image": "alpine:3", "command": [], "args": null}));
    let expected = json!({
        "image": "alpine:3", "imagePullPolicy": "IfNotPresent", "namespace": "noetl",
        "backoffLimit": 0, "imageRequired": true,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&options[name], value, "{name}");
    }
    for name in ["command", "args", "workingDir", "files", "env"] {
        assert!(!options.contains_key(name), "{name}");
    }
    assert_eq!(environment, [("NOETL_ARGS".to_string(), "{}".to_string())]);
}

#[test]
fn a_program_gets_arguments_files_and_variables() {
    let config = json!({
        "image": "alpine:3", "command": ["./train", 1], "args": ["--epochs", 100], "workingDir": "/work/",
        "env": {"A": 1}, "input": {"b": [2]},
        "files": {"/etc/app.yaml": "a: 1\n", "run.sh": "echo", "./data/x": 7},
    });
    let (options, environment) = created(&config);
    assert_eq!(options["command"], json!(["./train", "1"]));
    assert_eq!(options["args"], json!(["--epochs", "100"]));
    assert_eq!(options["workingDir"], "/work/");
    let files = options["files"].as_object().unwrap();
    let value = |name: &str| {
        let mut entries = environment.iter();
        entries.find(|(known, _)| known == name).unwrap().1.as_str()
    };
    for (path, content) in [
        ("/etc/app.yaml", "a: 1\n"),
        ("/work/run.sh", "echo"),
        ("/work/data/x", "7"),
    ] {
        assert_eq!(value(files[path].as_str().unwrap()), content, "{path}");
    }
    assert_eq!(files.len(), 3);
    assert_eq!((value("A"), value("NOETL_ARGS")), ("1", r#"{"b":[2]}"#));
}

/// The example of NoETL's own tool, with all of its keys.
#[test]
fn the_keys_of_noetls_tool_are_accepted() {
    let config = json!({
        "image": "gcr.io/my-project/trainer:v1.2.3",
        "command": ["./train"], "args": ["--epochs", "100"],
        "env": [
            {"name": "API_KEY", "value_from": {"secret_name": "ml-secrets", "secret_key": "openai_api_key"}},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "TRAINING_RUN", "value": 7},
            {"name": "EMPTY"},
        ],
        "resources": {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"cpu": 4, "memory": "8Gi"}},
        "timeout_seconds": 7200, "service_account": "noetl-container-job", "namespace": "ml",
        "backoff_limit": 1, "restart_policy": "Never",
        "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "toleration_seconds": 3}],
        "volumes": [{"name": "scratch", "empty_dir": {"size_limit": "1Gi"}}],
        "volume_mounts": [{"name": "scratch", "mount_path": "/scratch", "read_only": false}],
    });
    let (options, environment) = created(&config);
    let expected = json!({
        "env": [
            {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "ml-secrets", "key": "openai_api_key"}}},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        "resources": {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}},
        "activeDeadlineSeconds": 7200, "serviceAccountName": "noetl-container-job", "namespace": "ml",
        "backoffLimit": 1, "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "tolerationSeconds": 3}],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch", "readOnly": false}],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&options[name], value, "{name}");
    }
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        environment,
        [("EMPTY", ""), ("TRAINING_RUN", "7"), ("NOETL_ARGS", "{}")]
    );
}

#[test]
fn the_outcome_has_no_script() {
    let host = host().job(MockJob::new().attempt(MockAttempt::exits(3).output("boom\n")));
    let outcome = host.call::<Container>(&json!({"image": "a"})).unwrap();
    assert_eq!(outcome["status"], "failed");
    assert_eq!(
        (&outcome["exit_code"], &outcome["output"]),
        (&json!(3), &json!("boom\n"))
    );
    assert_eq!(outcome.get("script"), None);
    assert_eq!(outcome["job_name"], JOB);
}

#[test]
fn a_hint_names_the_keys_of_this_tool() {
    let output = "Traceback:\nModuleNotFoundError: No module named 'pandas'\n";
    let job = MockJob::new().attempt(MockAttempt::exits(1).output(output));
    let outcome = host()
        .job(job)
        .call::<Container>(&json!({"image": "a"}))
        .unwrap();
    assert_eq!(outcome["field"], "image");
}

#[test]
fn what_cannot_mean_anything_is_refused_by_name_before_anything_happens() {
    let cases = [
        (json!({"job": {"image": "b"}}), "job", "next to `image`"),
        (
            json!({"script": {"uri": "x"}}),
            "script",
            "use the tool `script`",
        ),
        (
            json!({"runtime": {"image": "b"}}),
            "runtime",
            "next to `image`",
        ),
        (json!({"image": " "}), "image", ""),
        (
            json!({"restart_policy": "OnFailure"}),
            "restartPolicy",
            "`backoffLimit`",
        ),
        (json!({"auth": "db", "env": []}), "auth", "`NAME: value`"),
        (json!({"files": {"a": ""}}), "files.a", "`workingDir`"),
        (
            json!({"files": {"a": "", "./a": ""}, "workingDir": "/w"}),
            "files.a",
            "",
        ),
        (json!({"env": {"A-B": 1}}), "env.A-B", ""),
        (
            json!({"env": {"NOETL_ARGS": 1}}),
            "env.NOETL_ARGS",
            "`input`",
        ),
        (
            json!({"env": {"NOETL_FILE_0": 1}}),
            "env.NOETL_FILE_0",
            "another name",
        ),
        (
            json!({"env": [{"name": "A"}, {"name": "A"}]}),
            "env[1].name",
            "",
        ),
        (
            json!({"env": [{"name": "A", "value": 1, "value_from": {}}]}),
            "env[0]",
            "remove",
        ),
        (
            json!({"resources": {"limits": {"memory": "2GB"}}}),
            "resources.limits.memory",
            "`2Gi`",
        ),
        (
            json!({"backoffLimit": 3_000_000_000_u64}),
            "backoffLimit",
            "",
        ),
        (json!({"labels": {"a": "b c"}}), "labels.a", ""),
    ];
    for (change, field, hint) in cases {
        let mut config = json!({"image": "a"});
        let members = config.as_object_mut().unwrap();
        members.extend(change.as_object().unwrap().clone());
        let error = refused(&config);
        assert_eq!(error.field(), Some(field), "{config}: {error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
    }
    let error = host()
        .call::<Container>(&json!({"command": ["a"]}))
        .unwrap_err();
    assert!(error.message.contains("image"), "{error}");
    let twice = json!({"image": "a", "timeout": 1, "timeout_seconds": 1});
    assert!(refused(&twice).message.contains("duplicate field"));
}
