//! Examples of the specification that need more than a script: a database, several credentials.

use serde_json::{Value, json};

use super::step::{command, kubectl};
use super::{Place, host_ip};
use crate::credentials::{Database, MIGRATOR_PASSWORD, Migrator};
use crate::kubernetes::process::RUN;
use crate::program::Workspace;

/// Runs a playbook with a credentials file, and gives the outcome of its only step, with everything that was
/// written.
async fn run(
    place: &Place,
    files: &[(&str, &str)],
    tool: Value,
    credentials: Value,
) -> (Value, String) {
    let workspace = Workspace::new(files);
    let playbook = json!({
        "apiVersion": "noetl.io/v2", "kind": "Playbook", "metadata": {"name": "test"},
        "workload": {"database_name": "toolhost"},
        "keychain": [
            {"name": "gcp_token", "kind": "bearer", "scope": "global", "credential": "google_oauth"},
            {"name": "aws_cred", "kind": "credential", "scope": "global", "credential": "aws"},
        ],
        "workflow": [{"step": "example", "tool": tool}],
    });
    let write = |name: &str, value: &Value| {
        std::fs::write(workspace.path().join(name), value.to_string()).unwrap();
    };
    write("p.yaml", &playbook);
    write("credentials.yaml", &credentials);
    let arguments = [&RUN[..], &["--credentials", "credentials.yaml"]].concat();
    let mut command = command(&workspace, &arguments);
    command.env("RUST_LOG", "trace");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let report: Value = serde_json::from_str(&stdout).unwrap_or(Value::Null);
    let get = ["get", "jobs,pods,configmaps,events", "-o", "yaml", "-n"];
    let objects = kubectl(&[&get[..], &[&place.namespace]].concat());
    (
        report["steps"][0]["outcome"].clone(),
        stdout + &stderr + &objects,
    )
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn several_credentials_reach_the_script_and_nothing_else() {
    let place = Place::new("credentials").await;
    let script = "import os\nvalues = [os.environ[name] for name in ('GCP_TOKEN', 'AWS_ACCESS_KEY_ID', \
                  'AWS_SECRET_ACCESS_KEY', 'DATABASE_PASSWORD')]\n\
                  print([len(value) for value in values])\nprint(*values)\n";
    let secrets = [
        "ya29.token-of-google",
        "secret/key+of=aws",
        "pass\"word of 'db'",
    ];
    let tool = json!({
        "kind": "script",
        "script": {"uri": "a.py", "source": {"type": "file"}},
        "job": {
            "namespace": place.namespace,
            "env": {
                "GCP_TOKEN": "{{ keychain.gcp_token.token }}",
                "AWS_ACCESS_KEY_ID": "{{ keychain.aws_cred.access_key }}",
                "AWS_SECRET_ACCESS_KEY": "{{ keychain.aws_cred.secret_key }}",
                "DATABASE_PASSWORD": "{{ secret.db_password }}",
            },
        },
    });
    let credentials = json!({
        "secrets": {"db_password": secrets[2]},
        "credentials": {
            "google_oauth": {"type": "bearer", "token": secrets[0]},
            "aws": {"type": "aws", "access_key_id": "AKIDEXAMPLE1", "secret_access_key": secrets[1]},
        },
    });
    let (outcome, written) = run(&place, &[("a.py", script)], tool, credentials).await;
    assert_eq!(outcome["status"], "completed", "{outcome:#}");
    let output = outcome["output"].as_str().unwrap();
    let lengths = format!(
        "[{}, 12, {}, {}]\n",
        secrets[0].len(),
        secrets[1].len(),
        secrets[2].len()
    );
    assert!(output.starts_with(&lengths), "{output}");
    for secret in secrets {
        assert!(!written.contains(secret), "a secret was shown");
    }
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster and a database: TOOLHOST_TEST_KUBECONFIG, TOOLHOST_TEST_PG"]
async fn a_migration_of_a_database_runs_as_a_job() {
    let Some(database) = Database::of_environment("a_migration_of_a_database_runs_as_a_job") else {
        return;
    };
    let migrator = Migrator::new(&database);
    let place = Place::new("migration").await;
    let table = place.namespace.replace('-', "_");
    let script = format!(
        "CREATE TABLE {table} (id integer);\nINSERT INTO {table} VALUES (41), (1);\n\
         SELECT 'sum ' || sum(id) FROM {table};\n"
    );
    let tool = json!({
        "kind": "script",
        "script": {"uri": "upgrade_schema.sql", "source": {"type": "file"}},
        "job": {
            "namespace": place.namespace,
            "image": "postgres:15-alpine",
            "backoffLimit": 0,
            "resources": {"requests": {"memory": "64Mi", "cpu": "100m"}},
            "env": {
                "PGHOST": "{{ secret.db_host }}",
                "PGPORT": database.port,
                "PGUSER": "{{ secret.db_user }}",
                "PGPASSWORD": "{{ secret.db_password }}",
                "PGDATABASE": database.name,
            },
        },
    });
    let credentials = json!({"secrets": {
        "db_host": host_ip(), "db_user": migrator.name, "db_password": MIGRATOR_PASSWORD,
    }});
    let files = [("upgrade_schema.sql", script.as_str())];
    let (outcome, written) = run(&place, &files, tool, credentials).await;
    assert_eq!(outcome["status"], "completed", "{outcome:#}");
    let output = outcome["output"].as_str().unwrap();
    assert!(output.contains("sum 42"), "{outcome:#}");
    assert!(
        !written.contains(MIGRATOR_PASSWORD),
        "the password was shown"
    );
    assert_eq!(
        database.query(&format!("SELECT count(*) FROM {table}")),
        "2"
    );
    place.delete().await;
}
