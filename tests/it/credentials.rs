//! Credentials through the whole host: on the command line, in jobs, and against a real database.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use toolhost::backend::local::LocalSettings;
use toolhost::credential::{CredentialsFile, Keychain};
use toolhost::host::{CallError, CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::outcome::OutcomeStatus;
use toolhost::template::TemplateContext;
use toolhost_diagnostic::Document;

use crate::{guests, program};

const DATABASE: &str = "\
credentials:
  warehouse: {type: postgres, host: db.example, port: 6432, user: ada, password: pl@nted-password, database: sales}
  api: {type: bearer, token: a-bearer-token}
";

fn templates(file: &str) -> TemplateContext {
    let document = Document::parse_confidential("credentials.yaml", file).unwrap();
    let file = Arc::new(CredentialsFile::parse(&document, Path::new(".")).unwrap());
    TemplateContext::default()
        .with_secrets(Arc::clone(&file) as _)
        .with_keychain(Arc::new(Keychain::new(Vec::new(), file)))
        .with_workload(Arc::new(json!({"database": "warehouse"})))
}

async fn host(folder: &Path) -> ToolHost {
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.join("jobs");
    settings.search_path = std::env::var("PATH").unwrap();
    guests::local_host(folder, settings).await
}

fn request(config: Value, file: &str) -> CallRequest {
    CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    )
    .with_templates(templates(file))
}

fn shell(script: &str, job: Value) -> Value {
    let mut job = job;
    job["backoffLimit"] = json!(0);
    json!({"script": {"content": script, "interpreter": "sh"}, "job": job})
}

#[tokio::test]
async fn the_variables_of_a_database_reach_the_job_and_its_password_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path()).await;
    let script = "echo \"$PGUSER@$PGHOST:$PGPORT/$PGDATABASE\"\necho \"$PGPASSWORD\"\n\
                  [ \"$PGPASSWORD\" = pl@nted-pass\"\"word ] && echo it is the one";
    let job = json!({"auth": "{{ workload.database }}", "env": {"PGDATABASE": "other"}});
    let outcome = host
        .call(request(shell(script, job), DATABASE))
        .await
        .unwrap();
    assert_eq!(outcome.status(), OutcomeStatus::Completed);
    assert_eq!(
        outcome.text("output"),
        Some("ada@db.example:6432/other\n***\nit is the one\n")
    );
    assert!(!outcome.document_text().contains("pl@nted"));
}

/// The document as text.
trait DocumentText {
    fn document_text(&self) -> String;
}

impl DocumentText for toolhost::outcome::Outcome {
    fn document_text(&self) -> String {
        Value::Object(self.document().clone()).to_string()
    }
}

#[test]
fn what_is_missing_is_reported_with_the_names_that_exist() {
    let workspace = program::Workspace::new(&[(
        "credentials.yaml",
        "secrets: {first: abcdefgh, second: abcdefgh}\n\
         credentials: {warehouse: {type: bearer, token: abcdefgh}, lake: {type: bearer, token: abcdefgh}}\n",
    )]);
    let call = |config: &str| {
        std::fs::write(workspace.path().join("c.yaml"), config).unwrap();
        let arguments = [
            "call",
            "script",
            "--config",
            "c.yaml",
            "--credentials",
            "credentials.yaml",
        ];
        let output = workspace.run(&arguments);
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        texts.concat()
    };
    let shown = call("script: {uri: 'gs://bucket/a.py', source: {auth: other}}");
    assert!(
        shown.contains("there are `lake` and `warehouse`"),
        "{shown}"
    );
    let shown =
        call("script: {content: 'true', interpreter: sh}\njob: {env: {A: '{{ secret.other }}'}}");
    assert!(shown.contains("there are `first` and `second`"), "{shown}");
    assert!(!shown.contains("abcdefgh"), "{shown}");
}

#[tokio::test]
async fn a_job_with_an_unsuitable_credential_is_refused_at_its_position() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path()).await;
    for (name, expected) in [
        ("warehous", "keychain entry `warehous` is not defined"),
        (
            "api",
            "the credential `api` is of type `bearer`, and a job takes `postgres`",
        ),
        (
            "{{ keychain.api.token }}",
            "`job.auth` names a credential, and must not depend on a secret",
        ),
    ] {
        let config = shell("true", json!({"auth": name}));
        let error = host.call(request(config, DATABASE)).await.unwrap_err();
        let error = match error {
            CallError::Template(error) => error,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(error.pointer(), "job.auth");
        let cause = std::error::Error::source(&error.problem).unwrap();
        assert_eq!(cause.to_string(), expected);
    }
}

/// Runs the program in a folder, with these variables besides.
fn toolhost(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    program::command(folder, arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server until the test ends, which numbers the tokens that it gives, and gives a script to who has the
/// right one; returns its address, and how often it was asked for a token.
fn server(right: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            // A form is the last that comes.
            let is_whole = |request: &str| {
                request.contains("grant_type=")
                    || (request.starts_with("GET") && request.ends_with("\r\n\r\n"))
            };
            while !is_whole(&text(&request)) {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(bytes) => request.extend_from_slice(&piece[..bytes]),
                }
            }
            let request = text(&request);
            let (status, body) = if request.starts_with("POST") {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let token = format!("minted-token-{number}");
                let body = json!({"access_token": token, "expires_in": 3600});
                ("200 OK", body.to_string())
            } else if request.contains(&format!("Bearer {right}\r\n")) {
                ("200 OK", "echo fetched".to_owned())
            } else {
                ("401 Unauthorized", "who are you?".to_owned())
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (url, asked)
}

#[test]
fn a_playbook_gets_one_token_for_all_its_steps_from_the_credential_of_an_environment_variable() {
    let (url, asked) = server("");
    let url = format!("{url}/token");
    let folder = tempfile::tempdir().unwrap();
    let step = |name: &str, next: &str| {
        format!(
            "  - step: {name}
    tool:
      kind: script
      script: {{content: '[ \"$TOKEN\" = minted-token\"\"-0 ] && echo got $TOKEN', interpreter: sh}}
      job: {{backoffLimit: 0, env: {{TOKEN: \"{{{{ keychain.api_token.token }}}}\"}}}}
{next}"
        )
    };
    let playbook = format!(
        "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {{name: test}}\nkeychain:\n  - {{name: api_token, kind: bearer, scope: global, credential: api, min_ttl: 60}}\nworkflow:\n{}{}",
        step("first", "    next: [{step: second}]\n"),
        step("second", "")
    );
    std::fs::write(folder.path().join("p.yaml"), playbook).unwrap();
    let credential = json!({"type": "oauth2", "token_url": url, "client_id": "me", "client_secret": "a-client-secret"});
    let output = toolhost(
        folder.path(),
        &["run", "p.yaml", "--output", "json"],
        &[("TOOLHOST_CREDENTIAL_API", &credential.to_string())],
    );
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    for step in report["steps"].as_array().unwrap() {
        assert_eq!(step["outcome"]["output"], "got ***\n");
    }
    assert_eq!(report["steps"].as_array().unwrap().len(), 2);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(!format!("{stdout}{stderr}").contains("minted-token"));
}

#[test]
fn a_script_in_a_bucket_is_fetched_with_a_token_that_is_renewed_once_when_it_is_refused() {
    for (right, succeeds, requests) in [
        ("minted-token-0", true, 1),
        ("minted-token-1", true, 2),
        ("another", false, 2),
    ] {
        let (url, asked) = server(right);
        let folder = tempfile::tempdir().unwrap();
        let credentials = json!({"credentials": {"google_oauth": {
            "type": "google",
            "endpoint": url,
            "authorized_user": {
                "client_id": "me",
                "client_secret": "a-client-secret",
                "refresh_token": "a-refresh-token",
                "token_uri": format!("{url}/token"),
            },
        }}});
        let config = json!({
            "script": {
                "uri": "gs://bucket/scripts/run.sh",
                "source": {"type": "gcs", "auth": "google_oauth"},
                "interpreter": "sh",
            },
            "job": {"backoffLimit": 0},
        });
        std::fs::write(folder.path().join("c.yaml"), credentials.to_string()).unwrap();
        std::fs::write(folder.path().join("call.json"), config.to_string()).unwrap();
        let arguments = [
            "call",
            "script",
            "--config",
            "call.json",
            "--credentials",
            "c.yaml",
        ];
        let output = toolhost(folder.path(), &arguments, &[]);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.success(), succeeds, "{stdout}{stderr}");
        let outcome: Value = serde_json::from_str(&stdout).unwrap();
        if succeeds {
            assert_eq!(outcome["output"], "fetched\n");
        } else {
            assert!(stdout.contains("the credential `google_oauth`"), "{stdout}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), requests, "{stdout}");
        for secret in ["minted-token", "a-client-secret", "a-refresh-token"] {
            assert!(
                !format!("{stdout}{stderr}").contains(secret),
                "{stdout}{stderr}"
            );
        }
    }
}

#[test]
fn a_folder_and_a_command_are_providers_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir(path.join("mounted")).unwrap();
    std::fs::write(path.join("mounted/one"), "of-the-folder\n").unwrap();
    std::fs::write(
        path.join("helper.sh"),
        "cat > /dev/null; echo '\"of-the-command\"'",
    )
    .unwrap();
    std::fs::write(
        path.join("c.yaml"),
        "secrets: {short: abc}\nproviders: [{folder: mounted}]\n",
    )
    .unwrap();
    let config = json!({
        "script": {"content": "[ $ONE = of-the\"\"-folder ] && [ $TWO = of-the\"\"-command ]", "interpreter": "sh"},
        "job": {"backoffLimit": 0, "env": {"ONE": "{{ secret.one }}", "TWO": "{{ secret.two }}"}},
    });
    std::fs::write(path.join("call.json"), config.to_string()).unwrap();
    let output = toolhost(
        path,
        &[
            "call",
            "script",
            "--config",
            "call.json",
            "--credentials",
            "c.yaml",
            "--credential-provider",
            "command:/bin/sh helper.sh",
        ],
        &[],
    );
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{}{stderr}", text(&output.stdout));
    assert!(
        stderr.contains("secret `short` has fewer than 6 bytes"),
        "{stderr}"
    );
    let output = toolhost(
        path,
        &["run", "p.yaml", "--credential-provider", "vault"],
        &[],
    );
    assert!(
        text(&output.stderr).contains("expected `env`, `folder:PATH`"),
        "{}",
        text(&output.stderr)
    );
}

/// A database of PostgreSQL, from a URL `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
pub(crate) struct Database {
    user: String,
    password: String,
    host: String,
    pub(crate) port: String,
    pub(crate) name: String,
}

/// The variable with the URL of a database that tests may write to.
const DATABASE_VARIABLE: &str = "TOOLHOST_TEST_PG";

impl Database {
    /// The database of the environment; without one, says which test is skipped.
    pub(crate) fn of_environment(test: &str) -> Option<Self> {
        let url =
            std::env::var(DATABASE_VARIABLE).or_else(|_| std::env::var("TOOLHOST_TEST_POSTGRES"));
        let Ok(url) = url else {
            eprintln!("skipped: {test}, because `{DATABASE_VARIABLE}` is not set");
            return None;
        };
        let rest = url.split_once("://").unwrap().1;
        let (login, place) = rest.rsplit_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let (server, name) = place.split_once('/').unwrap();
        let (host, port) = server.split_once(':').unwrap();
        let [user, password, host, port, name] =
            [user, password, host, port, name].map(str::to_owned);
        Some(Self {
            user,
            password,
            host,
            port,
            name,
        })
    }

    /// What the database answers to a query, without toolhost.
    pub(crate) fn query(&self, query: &str) -> String {
        let output = Command::new("psql")
            .args(["-X", "-A", "-t", "-c", query])
            .env("PGHOST", &self.host)
            .env("PGPORT", &self.port)
            .env("PGUSER", &self.user)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", &self.name)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }
}

/// A user of the database who may make tables, until it is dropped. Its tables go with it.
pub(crate) struct Migrator<'database> {
    database: &'database Database,
    pub(crate) name: String,
}

pub(crate) const MIGRATOR_PASSWORD: &str = "pl@nted database password";

impl<'database> Migrator<'database> {
    pub(crate) fn new(database: &'database Database) -> Self {
        let name = format!("migrator_{}", std::process::id());
        database.query(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{MIGRATOR_PASSWORD}'; GRANT ALL ON SCHEMA public TO {name}"
        ));
        Self { database, name }
    }
}

impl Drop for Migrator<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.database
            .query(&format!("DROP OWNED BY {name}; DROP ROLE {name}"));
    }
}

/// The example "Database Migration" of the script tool's documentation, with its file next to the playbook.
fn migration(table: &str, job: &str) -> [(&'static str, String); 2] {
    let playbook = format!(
        "apiVersion: noetl.io/v2
kind: Playbook
metadata: {{name: migration}}
workload: {{database_name: NAME}}
workflow:
  - step: run_migration
    desc: Execute database schema migration
    tool:
      kind: script
      script:
        uri: upgrade_schema.sql
        source: {{type: file}}
      args: {{version: \"2.5\"}}
      job:
        image: postgres:15-alpine
        backoffLimit: 0
        resources:
          requests: {{memory: \"256Mi\", cpu: \"500m\"}}
{job}"
    );
    let script = format!(
        "CREATE TABLE {table} (version text);\n\
         INSERT INTO {table} SELECT :'args'::json ->> 'version';\n"
    );
    [("p.yaml", playbook), ("upgrade_schema.sql", script)]
}

#[test]
fn a_migration_runs_against_a_real_database() {
    let test = "a_migration_runs_against_a_real_database";
    let Some(database) = Database::of_environment(test) else {
        return;
    };
    let migrator = Migrator::new(&database);
    let of_secrets = "        env:
          PGHOST: \"{{ secret.db_host }}\"
          PGPORT: \"{{ secret.db_port }}\"
          PGUSER: \"{{ secret.db_user }}\"
          PGPASSWORD: \"{{ secret.db_password }}\"
          PGDATABASE: \"{{ workload.database_name }}\"
";
    let of_credential = "        auth: warehouse\n";
    for (table, job) in [("of_secrets", of_secrets), ("of_credential", of_credential)] {
        let table = format!("migration_{table}_{}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in migration(&table, job) {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let Database {
            host, port, name, ..
        } = &database;
        let (user, password) = (&migrator.name, MIGRATOR_PASSWORD);
        let credentials = json!({
            "secrets": {"db_host": host, "db_port": port, "db_user": user, "db_password": password},
            "credentials": {"warehouse": {"type": "postgres", "host": host, "port": port, "user": user,
                "password": password, "database": name, "sslmode": "disable"}},
        });
        std::fs::write(folder.path().join("c.yaml"), credentials.to_string()).unwrap();
        let set = format!("database_name={name}");
        let arguments = [
            "run",
            "p.yaml",
            "--credentials",
            "c.yaml",
            "--set",
            &set,
            "--output",
            "json",
        ];
        let output = toolhost(folder.path(), &arguments, &[]);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{stdout}{stderr}");
        let report: Value = serde_json::from_str(&stdout).unwrap();
        let outcome = &report["steps"][0]["outcome"];
        assert_eq!(outcome["status"], "completed");
        assert_eq!(outcome["output"], "CREATE TABLE\nINSERT 0 1\n", "{stderr}");
        assert!(!format!("{stdout}{stderr}").contains(password));
        let version = database.query(&format!("SELECT version FROM {table}"));
        assert_eq!(version, "2.5");
    }
}
