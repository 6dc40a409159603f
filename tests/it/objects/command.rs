//! Buckets on the command line: a playbook names an object and a credential, a file has the credential.

use serde_json::{Value, json};

use super::servers::gcs;
use super::servers::s3;
use crate::program;

/// What `toolhost run --output json` says of a step that runs that script with these credentials. Nothing that
/// it prints may have the secret.
pub(crate) fn run(source: &Value, credentials: &Value, secret: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let playbook = json!({
        "apiVersion": "noetl.io/v2",
        "kind": "Playbook",
        "metadata": {"name": "buckets"},
        "workflow": [{"step": "run", "tool": {
            "kind": "script",
            "script": source,
            "job": {"backoffLimit": 0},
        }}],
    });
    let credentials = json!({"credentials": credentials});
    for (name, content) in [
        ("playbook.yaml", playbook),
        ("credentials.yaml", credentials),
    ] {
        // JSON is YAML.
        std::fs::write(folder.path().join(name), content.to_string()).unwrap();
    }
    let arguments = ["run", "playbook.yaml", "--credentials", "credentials.yaml"];
    let output = program::command(folder.path(), &arguments)
        .args(["--output", "json"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        !told.contains(secret) && !errors.contains(secret),
        "{told}{errors}"
    );
    let document: Value = serde_json::from_str(&told).unwrap_or_else(|_| {
        // The output contains the error.
        json!({ "errors": errors })
    });
    let outcome = &document["steps"][0]["outcome"];
    assert!(outcome.is_object(), "{document}");
    outcome.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_of_s3_runs_by_the_keys_of_the_credentials_file() {
    let server = s3::start().await;
    let script = "echo 'select 1'";
    server.store.put("bucket-name", "path/to/script.sh", script);
    let source = json!({
        "uri": "s3://bucket-name/path/to/script.sh",
        "source": {"type": "s3", "region": s3::REGION, "auth": "aws_credentials"},
    });
    let credentials = |secret: &str| {
        json!({"aws_credentials": {
            "type": "aws",
            "access_key_id": s3::KEY,
            "secret_access_key": secret,
            "endpoint": server.url(),
        }})
    };
    let outcome = run(&source, &credentials(s3::SECRET), s3::SECRET);
    assert_eq!(outcome["output"], "select 1\n", "{outcome}");
    assert_eq!(outcome["script"]["uri"], source["uri"]);
    assert_eq!(outcome["script"]["bytes"], script.len());
    assert!(outcome["script"]["etag"].is_string(), "{outcome}");
    assert!(outcome["script"]["version"].is_string(), "{outcome}");

    let wrong = "another/secret+key";
    let outcome = run(&source, &credentials(wrong), wrong);
    assert_eq!(outcome["reason"], "FetchDenied", "{outcome}");
    assert_eq!(outcome["field"], "script.source.auth");
    let message = outcome["message"].as_str().unwrap();
    assert!(
        message.contains("the credential `aws_credentials`"),
        "{message}"
    );
    assert!(
        outcome["hint"]
            .as_str()
            .unwrap()
            .contains("secret_access_key")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_of_google_runs_by_the_token_of_the_credentials_file() {
    let server = gcs::start().await;
    server.token("ya29.planted-token", true);
    server
        .store
        .put("my-bucket", "scripts/analyze.sh", "echo analyzed");
    let source = json!({
        "uri": "gs://my-bucket/scripts/analyze.sh",
        "source": {"type": "gcs", "auth": "google_cloud_storage"},
    });
    let credentials = json!({"google_cloud_storage": {
        "type": "google",
        "access_token": "ya29.planted-token",
        "endpoint": server.url(),
    }});
    let outcome = run(&source, &credentials, "planted-token");
    assert_eq!(outcome["output"], "analyzed\n", "{outcome}");
    server.token("ya29.planted-token", false);
    let outcome = run(&source, &credentials, "planted-token");
    assert_eq!(outcome["reason"], "CredentialExpired", "{outcome}");
    let message = outcome["message"].as_str().unwrap();
    assert!(message.contains("`google_cloud_storage`"), "{message}");
}
