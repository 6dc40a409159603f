//! What a tool can reach with what the host knows: credentials, sealed headers, and the secrets of earlier steps.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use toolhost::backend::local::{LocalEngine, LocalSettings};
use toolhost::backend::objects::{GcsSource, HttpSource, S3Source, SourceRouter};
use toolhost::backend::{HttpClient, HttpSettings};
use toolhost::capability::{AccessSource, FetchRule, JobRunner};
use toolhost::credential::{CredentialAccess, CredentialsFile, HttpExchange, Machine, Tokens};
use toolhost::digest::Digest;
use toolhost::grant::{Capability, Grants};
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::outcome::Outcome;
use toolhost::progress::progress;
use toolhost::sealing::{ExecutionSecrets, SecretOrigin};
use toolhost::template::TemplateContext;
use toolhost_diagnostic::Document;
use toolhost_kubernetes::Planner;

use crate::program::Workspace;
use crate::{guests, program};

const TOKEN: &str = "TOKENvalue12345";
const PASSWORD: &str = "p4ssw0rd-of-api";

/// Answers every request with its own head; below `/to-other` it leads to `/other`. It ends with the test's process.
struct Echo {
    base: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let lines: Vec<_> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let head = lines.join("\n");
                let (status, more) = if head.contains(" /to-other") {
                    ("302 Found", "Location: /other\r\n".to_owned())
                } else {
                    let last = lines.last().cloned().unwrap_or_default();
                    let authorization = lines.iter().find(|line| line.starts_with("authorization"));
                    let echoed = authorization.unwrap_or(&last).replace('"', "");
                    ("200 OK", format!("ETag: \"{echoed}\"\r\n"))
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n{head}",
                    head.len()
                );
                kept.lock().unwrap().push(head);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { base, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// A host with these credentials that fetches by HTTP, with the guest `misbehave` under these grants.
async fn host(folder: &Path, credentials: &str, grants: Grants) -> ToolHost {
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.join("jobs");
    settings.search_path = std::env::var("PATH").unwrap();
    let engine = Arc::new(LocalEngine::new(settings));
    host_with(engine, folder, credentials, grants).await
}

async fn host_with(
    engine: Arc<dyn JobRunner>,
    folder: &Path,
    credentials: &str,
    grants: Grants,
) -> ToolHost {
    let client = HttpClient::new(HttpSettings::default());
    let access = access(credentials);
    let http = HttpSource::new(client.clone()).with_access(Arc::clone(&access));
    let gcs = GcsSource::new(client.clone()).with_access(Arc::clone(&access));
    let sources = SourceRouter::new()
        .with("http", Arc::new(http))
        .with("gcs", Arc::new(gcs))
        .with("s3", Arc::new(S3Source::new(client).with_access(access)));
    let host = ToolHost::builder()
        .jobs(engine)
        .objects(Arc::new(sources))
        .cache_directory(guests::workspace().join("target/guests/compiled"))
        .log_directory(folder.join("logs"))
        .build()
        .unwrap();
    let nearby = Grants::all().fetching(anywhere());
    host.load_embedded_tools_with(|_| nearby.clone())
        .await
        .unwrap();
    guests::load(&host, "guest-misbehave", grants).await;
    host
}

fn file(credentials: &str) -> Arc<CredentialsFile> {
    let document = Document::parse_confidential("credentials.yaml", credentials).unwrap();
    Arc::new(CredentialsFile::parse(&document, Path::new(".")).unwrap())
}

fn access(credentials: &str) -> Arc<dyn AccessSource> {
    // A machine that offers keys of Amazon by itself.
    let machine = Machine::new(|name| match name {
        "AWS_ACCESS_KEY_ID" => Some("AKIAEXAMPLE".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("the-machine's-own-key".to_owned()),
        _ => None,
    });
    let exchange = Arc::new(HttpExchange::new(HttpSettings::default()));
    Arc::new(CredentialAccess::new(
        file(credentials),
        Tokens::new(exchange, machine),
    ))
}

/// What the guest needs to be called at all, without anything to fetch.
fn granted() -> Grants {
    Grants::of([Capability::Secrets, Capability::Jobs, Capability::Logs])
}

fn anywhere() -> FetchRule {
    FetchRule {
        allow: None,
        private_addresses: true,
    }
}

fn only(patterns: &[&str]) -> FetchRule {
    FetchRule {
        allow: Some(patterns.iter().map(|text| text.parse().unwrap()).collect()),
        private_addresses: true,
    }
}

async fn call(host: &ToolHost, kind: &str, config: Value, templates: TemplateContext) -> Outcome {
    let request = CallRequest::new(
        kind.parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    );
    host.call(request.with_templates(templates)).await.unwrap()
}

/// The guest's outcome, and everything that it saw, put the right way round again.
async fn fetch(host: &ToolHost, fetch: Value, secrets: &str) -> (Outcome, String) {
    let templates = TemplateContext::default().with_secrets(file(secrets));
    let config = json!({"action": "fetch", "fetch": fetch});
    let outcome = call(host, "misbehave", config, templates).await;
    let backwards = ["facts", "seen"].map(|name| outcome.text(name).unwrap_or_default());
    let seen = backwards.concat().chars().rev().collect();
    (outcome, seen)
}

#[tokio::test]
async fn a_guest_spends_no_credential_but_one_that_its_call_or_its_grant_names() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().unwrap();
    let bound = format!(
        "credentials: {{prod_api: {{type: bearer, token: {TOKEN}, hosts: ['{}']}}}}",
        echo.base
    );
    let unbound = format!("credentials: {{prod_api: {{type: bearer, token: {TOKEN}}}}}");
    let elsewhere = format!(
        "credentials: {{prod_api: {{type: bearer, token: {TOKEN}, hosts: [api.example.com]}}}}"
    );
    let objects = || granted().fetching(anywhere());
    let by_stealth = json!({"uri": echo.url("a"), "auth": "ipa_dorp"});
    let by_name = json!({"uri": echo.url("a"), "options": {"auth": "prod_api"}});
    let server = format!("`{}`", echo.base);
    let not_named = "neither its configuration nor its grant names it";
    for (credentials, grants, asked, denial, hint) in [
        (
            &bound,
            objects(),
            &by_stealth,
            not_named,
            "`- credentials: [prod_api]`",
        ),
        (
            &unbound,
            objects(),
            &by_name,
            "does not say which servers it is for",
            &format!("`hosts: [\"{}\"]`", echo.base),
        ),
        (
            &elsewhere,
            objects().spending("prod_api"),
            &by_stealth,
            "is not for",
            &format!("`hosts: [\"{}\"]`", echo.base),
        ),
    ] {
        let host = host(folder.path(), credentials, grants).await;
        let (outcome, _) = fetch(&host, asked.clone(), "").await;
        assert_eq!(outcome.text("reason"), Some("Denied"), "{outcome:?}");
        let message = outcome.text("message").unwrap();
        for part in ["`prod_api`", &server, denial] {
            assert!(message.contains(part), "no {part}: {message}");
        }
        assert!(outcome.text("hint").unwrap().ends_with(hint), "{outcome:?}");
    }
    assert!(echo.heads().is_empty(), "nothing was sent");
    for (grants, asked) in [
        (objects(), &by_name),
        (objects().spending("prod_api"), &by_stealth),
    ] {
        let host = host(folder.path(), &bound, grants).await;
        let (outcome, seen) = fetch(&host, asked.clone(), "").await;
        assert!(outcome.is_completed(), "{outcome:?}");
        let head = echo.heads().pop().unwrap();
        assert!(
            head.contains(&format!("authorization: Bearer {TOKEN}")),
            "{head}"
        );
        // What the server says again of it is nothing that the guest reads, byte for byte.
        assert!(
            seen.contains("authorization: Bearer ***************"),
            "{seen}"
        );
        assert!(!seen.contains(TOKEN), "{seen}");
        assert_eq!(outcome.document()["bytes"], head.len());
        assert!(
            seen.contains(&Digest::of(head.as_bytes()).digits()),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn a_token_of_google_goes_to_google_whatever_endpoint_a_guest_names() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().unwrap();
    let credentials = format!("credentials: {{goog: {{type: google, access_token: {TOKEN}}}}}");
    let grants = granted().fetching(anywhere()).fetching(only(&["gs:"]));
    let host = host(folder.path(), &credentials, grants).await;
    for asked in [
        json!({"uri": "gs://bucket/key", "options": {"auth": "goog", "endpoint": echo.base}}),
        json!({"uri": echo.url("a"), "options": {"auth": "goog"}}),
        json!({"uri": "a", "options": {"type": "http", "auth": "goog", "endpoint": echo.base}}),
    ] {
        let (outcome, _) = fetch(&host, asked.clone(), "").await;
        assert_eq!(outcome.text("reason"), Some("Denied"), "{outcome:?}");
        let message = outcome.text("message").unwrap();
        let expected = format!("the credential `goog` is not for `{}`", echo.base);
        assert_eq!(message, expected, "{asked}");
    }
    // What a playbook's author writes under `source` goes where he says.
    let script = |source: Value, uri: &str| {
        json!({
            "script": {"uri": uri, "interpreter": "cat", "source": source},
            "job": {"backoffLimit": 0},
        })
    };
    let source = json!({"type": "gcs", "auth": "goog", "endpoint": echo.base});
    let config = script(source, "gs://bucket/key");
    let outcome = call(&host, "script", config, TemplateContext::default()).await;
    assert!(outcome.document().contains_key("exit_code"), "{outcome:?}");
    assert!(echo.heads()[0].contains(TOKEN));
    let config = script(json!({"type": "http", "auth": "goog"}), &echo.url("a"));
    let outcome = call(&host, "script", config, TemplateContext::default()).await;
    assert_eq!(outcome.text("reason"), Some("Denied"), "{outcome:?}");
    assert_eq!(echo.heads().len(), 1);
}

#[tokio::test]
async fn what_the_machine_offers_is_not_spent_by_a_guest_unless_its_grant_names_the_bucket() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().unwrap();
    let asked = json!({"uri": "s3://bucket/key", "options": {"endpoint": echo.base}});
    let public = granted().fetching(anywhere());
    let host_of = async |grants| host(folder.path(), "", grants).await;
    let (outcome, _) = fetch(&host_of(public.clone()).await, asked.clone(), "").await;
    assert!(outcome.is_completed(), "{outcome:?}");
    let head = echo.heads().pop().unwrap();
    assert!(!head.contains("authorization"), "{head}");

    let of_bucket = public.fetching(only(&["s3://bucket/"]));
    let (outcome, _) = fetch(&host_of(of_bucket).await, asked, "").await;
    assert_eq!(outcome.text("reason"), Some("Denied"), "{outcome:?}");
    let message = outcome.text("message").unwrap();
    assert!(
        message.contains(&format!("is not for `{}`", echo.base)),
        "{message}"
    );
    assert_eq!(echo.heads().len(), 1);
}

#[tokio::test]
async fn a_sealed_header_goes_only_to_servers_that_the_grant_names() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().unwrap();
    let secrets = format!("secrets: {{api_token: {TOKEN}}}");
    let asked = |path: &str| {
        json!({
            "uri": echo.url(path),
            "options": {"headers": {"Authorization": "Bearer {{ secret.api_token }}", "X-Other": "1"}},
        })
    };
    for rule in [
        anywhere(),
        only(&["http:"]),
        only(&["https://*.example.com/", "http:"]),
    ] {
        let host = host(folder.path(), "", granted().fetching(rule)).await;
        let (outcome, _) = fetch(&host, asked("a"), &secrets).await;
        assert_eq!(outcome.text("reason"), Some("Denied"), "{outcome:?}");
        let message = outcome.text("message").unwrap();
        let expected = format!(
            "`misbehave` may not send a sealed header to `{}`: its grant does not name the server",
            echo.base
        );
        assert_eq!(message, expected);
        let line = format!("`- objects: {{allow: [\"{}\"]}}`", echo.base);
        assert!(
            outcome.text("hint").unwrap().ends_with(&line),
            "{outcome:?}"
        );
    }
    assert!(echo.heads().is_empty(), "nothing was sent");

    let named = granted().fetching(only(&[&echo.base]));
    let host = host(folder.path(), "", named).await;
    let (outcome, seen) = fetch(&host, asked("a"), &secrets).await;
    assert!(outcome.is_completed(), "{outcome:?}");
    assert!(echo.heads()[0].contains(TOKEN));
    assert!(
        seen.contains("x-other: 1") && !seen.contains(TOKEN),
        "{seen}"
    );
}

#[tokio::test]
async fn a_redirect_takes_a_sealed_header_to_no_place_that_the_grant_does_not_name() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().unwrap();
    let secrets = format!("secrets: {{api_token: {TOKEN}}}");
    let path = echo.url("to-other");
    let grants = granted().fetching(anywhere()).fetching(only(&[&path]));
    let host = host(folder.path(), "", grants).await;
    let asked = json!({"uri": path, "options": {"headers": {"X-Key": "{{ secret.api_token }}"}}});
    let (outcome, _) = fetch(&host, asked, &secrets).await;
    assert!(outcome.is_completed(), "{outcome:?}");
    let heads = echo.heads();
    assert!(
        heads[0].contains(TOKEN) && heads[1].starts_with("GET /other"),
        "{heads:?}"
    );
    assert!(!heads[1].contains(TOKEN), "{heads:?}");
}

/// A Job can be read by more than may read its Secret.
#[tokio::test]
async fn a_fetched_script_that_echoes_a_token_is_in_no_job() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().unwrap();
    let credentials = format!("credentials:\n  api: {{type: bearer, token: {TOKEN}}}\n");
    let planner = Planner::new();
    let engine = Arc::new(planner.clone());
    let host = host_with(engine, folder.path(), &credentials, Grants::none()).await;
    for (source, is_echoed) in [
        (json!({"type": "http"}), false),
        (json!({"type": "http", "auth": "api"}), true),
    ] {
        let config = json!({
            "script": {"uri": echo.url("x.txt"), "interpreter": "cat", "source": source},
            "job": {"image": "busybox:1"},
        });
        call(&host, "script", config, TemplateContext::default()).await;
        assert_eq!(echo.heads().pop().unwrap().contains(TOKEN), is_echoed);
        let job = planner.take().remove(0);
        let shown = format!("{:?}", job.objects);
        assert!(!shown.contains(TOKEN), "{shown}");
        assert_eq!(shown.contains("GET /x.txt"), !is_echoed, "{shown}");
        assert_eq!(job.objects.len(), if is_echoed { 2 } else { 1 });
        let is_said = job.explanation.contains("the script (secret)");
        assert_eq!(is_said, is_echoed, "{}", job.explanation);
    }
}

#[tokio::test]
async fn what_is_opened_to_fetch_a_script_is_redacted_in_every_form() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().unwrap();
    let credentials = format!(
        "credentials:\n  api: {{type: bearer, token: {TOKEN}}}\n  login: {{type: basic, username: ada, password: {PASSWORD}}}\n"
    );
    let host = host(folder.path(), &credentials, Grants::none()).await;
    let templates = || {
        TemplateContext::default().with_secrets(file(&format!("secrets: {{api_token: {TOKEN}}}")))
    };
    for (source, sent) in [
        (
            json!({"type": "http", "auth": "api"}),
            format!("Bearer {TOKEN}"),
        ),
        (
            json!({"type": "http", "auth": "login"}),
            // `ada:p4ssw0rd-of-api`
            "Basic YWRhOnA0c3N3MHJkLW9mLWFwaQ==".to_owned(),
        ),
    ] {
        let config = json!({
            "script": {"uri": echo.url("x.txt"), "interpreter": "cat", "source": source},
            "job": {"backoffLimit": 0},
        });
        let (sender, mut reader) = progress();
        let request = CallRequest::new(
            "script".parse().unwrap(),
            config,
            ExecutionId::new("7"),
            StepName::new("step"),
        );
        let outcome = host.call(request.with_progress(sender)).await.unwrap();
        let head = echo.heads().pop().unwrap();
        assert!(head.contains(&sent), "{head}");
        let output = outcome.text("output").unwrap();
        assert!(
            output.contains("***") && output.contains("GET /x.txt"),
            "{output}"
        );
        let mut told = format!("{outcome:?}");
        while let Some(event) = reader.next().await {
            told = [told, format!("{event:?}")].concat();
        }
        for secret in [TOKEN, PASSWORD, sent.split(' ').next_back().unwrap()] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
        // The job got every byte.
        let digest = Digest::of(head.as_bytes()).digits();
        assert_eq!(outcome.document()["script"]["sha256"], digest);
    }
    // The specification's example: a header of the playbook's own.
    let config = json!({
        "script": {
            "uri": "scripts/transform.py",
            "interpreter": "cat",
            "source": {
                "type": "http",
                "endpoint": echo.base,
                "headers": {"Authorization": "Bearer {{ secret.api_token }}"},
            },
        },
        "job": {"backoffLimit": 0},
    });
    let outcome = call(&host, "script", config, templates()).await;
    assert!(echo.heads().pop().unwrap().contains(TOKEN));
    // A script with a secret of the playbook in it would show it to everyone who may read jobs.
    assert_eq!(outcome.text("reason"), Some("SecretInSpec"), "{outcome:?}");
}

#[tokio::test]
async fn calls_that_share_the_secrets_of_an_execution_redact_what_each_of_them_used() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path(), "", Grants::none()).await;
    let kept = folder.path().join("kept");
    let secrets = ExecutionSecrets::new();
    let request = |content: &str, env: Value, templates: TemplateContext| {
        let config = json!({
            "script": {"interpreter": "sh", "content": content},
            "job": {"backoffLimit": 0, "env": env},
        });
        CallRequest::new(
            "script".parse().unwrap(),
            config,
            ExecutionId::new("7"),
            StepName::new("step"),
        )
        .with_templates(templates)
    };
    let templates =
        TemplateContext::default().with_secrets(file(&format!("secrets: {{x: {TOKEN}}}")));
    let write = "printf '%s' \"$S\" > \"$KEPT\"";
    let env = json!({"S": "{{ secret.x }}", "KEPT": kept});
    let call = request(write, env, templates).with_secrets(secrets.clone());
    assert!(host.call(call).await.unwrap().is_completed());
    let read = || {
        request(
            "cat \"$KEPT\"",
            json!({"KEPT": kept}),
            TemplateContext::default(),
        )
    };
    let outcome = host.call(read().with_secrets(secrets)).await.unwrap();
    assert_eq!(outcome.text("output"), Some("***"));
    // Another execution has used no secret, and so knows of none.
    let outcome = host.call(read()).await.unwrap();
    assert_eq!(outcome.text("output"), Some(TOKEN));
}

#[tokio::test]
async fn a_result_that_turns_out_to_hold_a_secret_is_sealed_when_a_template_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path(), "", Grants::all()).await;
    let secrets = ExecutionSecrets::new();
    secrets.remember(TOKEN, SecretOrigin::Access);
    let mut templates = TemplateContext::default();
    let one =
        json!({"status": "completed", "output": format!("it is {TOKEN}\n"), "other": "plain"});
    templates.results.insert("one".to_owned(), Arc::new(one));
    let config = json!({"action": "dump", "payload": {
        "text": "{{ one.output | trim }}", "whole": "{{ one }}", "plain": "{{ one.other }}",
    }});
    let request = CallRequest::new(
        "misbehave".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    );
    let request = request.with_templates(templates).with_secrets(secrets);
    let outcome = host.call(request).await.unwrap();
    let seen: Value = serde_json::from_str(outcome.text("config").unwrap()).unwrap();
    let is_sealed = |name: &str| {
        seen["payload"][name]
            .as_str()
            .unwrap()
            .starts_with("sealed.")
    };
    assert!(is_sealed("text") && is_sealed("whole"), "{seen}");
    assert_eq!(seen["payload"]["plain"], "plain");
}

/// A playbook whose second step prints what its first step wrote down, and whose third is given that.
const ACROSS_STEPS: &str = r#"
apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: across-steps}
workflow:
  - step: start
    tool:
      kind: script
      script: {interpreter: sh, content: "printf '%s' \"$S\" > \"$FOLDER/kept\""}
      job: {backoffLimit: 0, env: {S: "{{ secret.x }}", FOLDER: "{{ workload.folder }}"}}
    next: [{step: two}]
  - step: two
    tool:
      kind: script
      script: {interpreter: sh, content: "cat \"$FOLDER/kept\""}
      job: {backoffLimit: 0, env: {FOLDER: "{{ workload.folder }}"}}
    next: [{step: three}]
  - step: three
    tool:
      kind: script
      script: {interpreter: sh, content: "echo \"again: {{ two.output }}\""}
      job: {backoffLimit: 0}
"#;

#[test]
fn a_secret_of_one_step_is_redacted_in_every_later_one() {
    let workspace = Workspace::new(&[("p.yaml", ACROSS_STEPS)]);
    let folder = workspace.path().display().to_string();
    let set = format!("folder={folder}");
    let output = program::command(
        workspace.path(),
        &["run", "p.yaml", "--output", "json", "--set", &set],
    )
    .env("TOOLHOST_SECRET_X", TOKEN)
    .output()
    .unwrap();
    let shown = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy);
    assert!(output.status.success(), "{shown:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = &report["steps"];
    assert_eq!(steps[1]["outcome"]["output"], "***");
    assert_eq!(steps[2]["outcome"]["output"], "again: ***\n");
    assert!(!shown.concat().contains(TOKEN), "{shown:?}");
    // The step had it.
    let kept = std::fs::read_to_string(workspace.path().join("kept")).unwrap();
    assert_eq!(kept, TOKEN);
}
