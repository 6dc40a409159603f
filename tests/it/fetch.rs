//! Scripts of HTTP servers, through the whole host.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::PrivatePkcs8KeyDer;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};
use toolhost::capability::{
    CapabilityError, FetchOptions, FetchRequest, Object, ObjectMetadata, ObjectSource,
};
use toolhost::digest::Digest;
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::outcome::Outcome;
use toolhost_cli::setup::{Settings, set_up};

use crate::{guests, program};

/// Answers every request with the same script, and keeps their heads.
struct ScriptServer {
    base: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ScriptServer {
    fn start(script: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<_> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                kept.lock().unwrap().push(head.join("\n"));
                let length = script.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{script}"
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { base, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn toolhost(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    program::command(folder, arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// The outcome of a call from the command line.
fn call(folder: &Path, config: &Value, more: &[&str], variables: &[(&str, &str)]) -> Value {
    std::fs::write(folder.join("c.json"), config.to_string()).unwrap();
    let mut arguments = vec!["call", "script", "--config", "c.json"];
    arguments.extend(more);
    let output = toolhost(folder, &arguments, variables);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_command_line_runs_a_script_of_a_server_nearby() {
    let server = ScriptServer::start("echo \"hello from afar\"");
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "script": {
            "uri": "scripts/a.sh",
            "source": {"type": "http", "endpoint": server.base, "headers": {"X-Mine": "1"}},
        },
    });
    let outcome = call(folder.path(), &config, &[], &[]);
    assert_eq!(outcome["output"], "hello from afar\n", "{outcome:#}");
    assert_eq!(
        outcome["script"]["uri"],
        format!("{}scripts/a.sh", server.base)
    );
    let head = &server.heads()[0];
    assert!(head.starts_with("GET /scripts/a.sh HTTP/1.1\n"), "{head}");
    assert!(head.contains("\nx-mine: 1"), "{head}");
    assert!(head.contains("\nuser-agent: toolhost/"), "{head}");
}

#[test]
fn the_command_line_goes_through_the_usual_proxy() {
    let proxy = ScriptServer::start("echo \"from the proxy\"");
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"script": {"uri": "http://far.invalid/a.sh"}});
    let outcome = call(folder.path(), &config, &[], &[("http_proxy", &proxy.base)]);
    assert_eq!(outcome["output"], "from the proxy\n", "{outcome:#}");
    assert!(proxy.heads()[0].starts_with("GET http://far.invalid/a.sh "));
    let outcome = call(folder.path(), &config, &[], &[]);
    assert_eq!(outcome["reason"], "HostNotFound", "{outcome:#}");
}

/// A server with a self-signed certificate: its address, and the certificate as PEM.
async fn start_tls(script: &'static str) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let length = script.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{script}");
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let certificate = BASE64.encode(made.cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
    (port, pem)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_trusts_whom_ssl_cert_file_names() {
    let (port, pem) = start_tls("echo \"over TLS\"").await;
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("ca.pem");
    std::fs::write(&certificate, pem).unwrap();
    let certificate = certificate.display().to_string();
    let config = json!({"script": {"uri": format!("https://localhost:{port}/a.sh")}});
    let call = |variables: Vec<(&'static str, String)>| {
        let (folder, config) = (folder.path().to_owned(), config.clone());
        tokio::task::spawn_blocking(move || {
            let variables: Vec<_> = variables
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            call(&folder, &config, &[], &variables)
        })
    };
    let outcome = call(Vec::new()).await.unwrap();
    assert_eq!(outcome["reason"], "TlsFailed", "{outcome:#}");
    assert!(outcome["hint"].as_str().unwrap().contains("SSL_CERT_FILE"));
    let outcome = call(vec![("SSL_CERT_FILE", certificate)]).await.unwrap();
    assert_eq!(outcome["output"], "over TLS\n", "{outcome:#}");
}

#[test]
fn a_tool_of_the_folder_fetches_what_it_was_granted_and_nothing_else() {
    let server = ScriptServer::start("echo");
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    std::fs::copy(guests::file("dry-run"), plugins.join("dry_run.wasm")).unwrap();
    let config = json!({"script": {"uri": format!("{}a.sh?sig=s3cret", server.base)}});
    let digest = Digest::of(&guests::bytes("dry-run"));
    let attempt = |grants: &str| {
        let grants = format!("grants:\n  script:\n    - override: {digest}\n    {grants}\n");
        std::fs::write(plugins.join("grants.yaml"), grants).unwrap();
        call(folder.path(), &config, &["--plugins", "plugins"], &[])
    };
    for grants in [
        "- objects",
        "- objects: {allow: [\"https://*.example.com/\", \"file:\"]}",
    ] {
        let outcome = attempt(grants);
        assert_eq!(outcome["reason"], "Denied", "{outcome:#}");
        assert!(!outcome.to_string().contains("s3cret"), "{outcome:#}");
        assert!(
            outcome["message"].as_str().unwrap().contains(&server.base),
            "{outcome:#}"
        );
    }
    assert!(server.heads().is_empty());
    // The line that the message says is the line that helps.
    let hint = attempt("- objects")["hint"].as_str().unwrap().to_owned();
    let line = hint
        .split('`')
        .rfind(|part| part.starts_with("- "))
        .unwrap();
    let outcome = attempt(line);
    assert_eq!(outcome["status"], "completed", "{line}\n{outcome:#}");
}

#[tokio::test]
async fn a_host_reaches_no_private_address_by_default() {
    let server = ScriptServer::start("echo");
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path(), folder.path());
    settings.cache_directory = Some(guests::workspace().join("target/guests/compiled"));
    let call = async |settings: Settings| {
        let host = set_up(settings).await.unwrap().host;
        let config = json!({"script": {"uri": format!("{}a.sh", server.base)}});
        run(&host, config).await
    };
    let outcome = call(settings.clone()).await;
    assert_eq!(outcome.text("reason"), Some("Denied"));
    assert!(server.heads().is_empty());
    settings.private_addresses = true;
    let outcome = call(settings).await;
    assert!(outcome.is_completed(), "{:?}", outcome.document());
}

async fn run(host: &ToolHost, config: Value) -> Outcome {
    let request = CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("42"),
        StepName::new("first"),
    );
    host.call(request).await.unwrap()
}

/// Gives the same script to everyone, and keeps what was asked for.
#[derive(Default)]
struct RecordingSource(Mutex<Vec<FetchRequest>>);

#[async_trait]
impl ObjectSource for RecordingSource {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        self.0.lock().unwrap().push(request);
        Ok(Object {
            bytes: "echo".into(),
            metadata: ObjectMetadata::default(),
        })
    }
}

async fn recording_host() -> (ToolHost, Arc<RecordingSource>) {
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new(vec![AttemptScript::exit(0)]));
    let source = Arc::new(RecordingSource::default());
    let host = ToolHost::builder()
        .jobs(Arc::new(engine))
        .objects(Arc::clone(&source) as _)
        .cache_directory(guests::workspace().join("target/guests/compiled"))
        .build()
        .unwrap();
    host.load_embedded_tools().await.unwrap();
    (host, source)
}

#[tokio::test]
async fn the_keys_under_source_reach_the_source_unchanged() {
    let (host, source) = recording_host().await;
    let config = json!({
        "script": {
            "uri": "scripts/a.sh",
            "source": {
                "type": "http",
                "auth": "my_credential",
                "endpoint": "https://api.example.com",
                "method": "GET",
                "headers": {"Authorization": "Bearer x", "X-Count": 1},
                "timeout": 30,
            },
        },
    });
    let outcome = run(&host, config).await;
    assert!(outcome.is_completed(), "{:?}", outcome.document());
    let requests = source.0.lock().unwrap();
    let FetchRequest { uri, options } = &requests[0];
    assert_eq!(uri, "scripts/a.sh");
    assert_eq!(options.source_type.as_deref(), Some("http"));
    assert_eq!(options.credential.as_deref(), Some("my_credential"));
    assert_eq!(options.endpoint.as_deref(), Some("https://api.example.com"));
    assert_eq!(options.method.as_deref(), Some("GET"));
    assert_eq!(options.timeout, Some(Duration::from_secs(30)));
    assert_eq!(options.max_bytes, FetchOptions::DEFAULT_MAX_BYTES);
    let headers: Vec<_> = options
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose_secret()))
        .collect();
    assert_eq!(headers, [("Authorization", "Bearer x"), ("X-Count", "1")]);
}

#[tokio::test]
async fn a_script_is_run_only_if_it_is_the_one_that_was_pinned() {
    let (host, _) = recording_host().await;
    let config =
        |sha256: &str| json!({"script": {"uri": "https://h.example/a.sh", "sha256": sha256}});
    let right = Digest::of(b"echo").digits();
    let outcome = run(&host, config(&right)).await;
    assert!(outcome.is_completed(), "{:?}", outcome.document());
    let outcome = run(&host, config(&Digest::of(b"other").digits())).await;
    assert_eq!(outcome.text("reason"), Some("ChecksumMismatch"));
    assert_eq!(outcome.text("field"), Some("script.sha256"));
    assert!(outcome.text("message").unwrap().contains(&right));
}
