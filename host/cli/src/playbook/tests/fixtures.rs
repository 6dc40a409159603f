//! The examples of the script tool's specification, unchanged.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

/// The example that is about what another step did.
const SECOND_STEP: &str = "verify-job";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/spec")
}

fn fixture(name: &str) -> Playbook {
    let text = fs::read_to_string(folder().join(name).with_extension("yaml")).unwrap();
    read(&text).unwrap_or_else(|problems| panic!("{name}: {}", render(&problems)))
}

fn config(name: &str) -> Value {
    let playbook = fixture(name);
    let tool = playbook.steps()[0].tool.clone().unwrap();
    assert_eq!(tool.reference, "script");
    tool.config
}

#[test]
fn every_example_of_the_specification_is_read_without_a_warning() {
    let mut read = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let playbook = fixture(name);
        assert_eq!(lines(playbook.warnings()), [""; 0], "{name}");
        let steps = if name == SECOND_STEP { 2 } else { 1 };
        assert_eq!(playbook.steps().len(), steps, "{name}");
        read += 1;
    }
    assert_eq!(read, 18);
}

#[test]
fn the_configuration_is_everything_under_tool_but_the_kind() {
    assert_eq!(
        config("minimal"),
        json!({
            "script": {
                "uri": "gs://my-bucket/scripts/analyze.py",
                "source": {"type": "gcs", "auth": "google_oauth"},
            },
            "args": {"dataset": "sales_2024"},
            "job": {"image": "python:3.11-slim"},
        })
    );
    let full = config("full");
    assert_eq!(
        full["job"]["env"]["GCP_TOKEN"],
        json!("{{ keychain.gcp_token.token }}")
    );
    assert_eq!(full["args"]["chunk_size"], json!(1000));
    let learning = config("machine-learning");
    assert_eq!(
        learning["job"]["resources"]["limits"]["nvidia.com/gpu"],
        json!(1)
    );
    assert_eq!(
        learning["args"]["hyperparameters"]["learning_rate"],
        json!(0.001)
    );
}

#[test]
fn the_keychain_of_the_example_is_declared() {
    let playbook = fixture("keychain");
    let entry = &playbook.keychain[0];
    assert_eq!(
        (entry.name.as_str(), entry.credential.as_str()),
        ("gcp_token", "google_oauth")
    );
}

#[test]
fn the_step_of_the_old_form_has_its_tool_next_to_it() {
    let playbook = fixture(SECOND_STEP);
    let tool = playbook
        .step(SECOND_STEP.replace('-', "_").as_str())
        .unwrap();
    let tool = tool.tool.as_ref().unwrap();
    assert_eq!(tool.reference, "python");
    let config = tool.config.as_object().unwrap();
    let keys: Vec<_> = config.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "args"]);
    let code = config["code"].as_str().unwrap();
    assert!(code.starts_with("def main(input_data):\n"), "{code}");
    assert_eq!(
        config["args"],
        json!({"input_data": "{{ run_script_step }}"})
    );
}
