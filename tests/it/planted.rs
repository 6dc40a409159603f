//! Fifty secrets, given to a script that gives each away in every form that it can think of, and a search
//! of every byte that the run left behind.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use toolhost::backend::local::{LocalEngine, LocalSettings};
use toolhost::capability::{CapabilityError, FetchRequest, Object, ObjectSource, Reason};
use toolhost::credential::CredentialsFile;
use toolhost::host::{CallRequest, ExecutionId, StepName, ToolHost};
use toolhost::outcome::Outcome;
use toolhost::progress::{ProgressEvent, progress};
use toolhost::template::TemplateContext;
use toolhost_diagnostic::Document;

use crate::guests;
use crate::program;
use crate::scanner::Scanner;

/// How many secrets there are.
const SECRETS: usize = 50;
/// The file in which a script finds its arguments: the way that they are meant to go.
const ARGUMENTS_FILE: &str = "arguments.json";

/// Where the secrets are.
const CREDENTIALS_FILE: &str = "credentials.yaml";

/// Gives every secret away in every form, in pieces, on both of its outputs; waits, and fails.
const LEAKY: &str = include_str!("planted.py");

/// Texts of random letters, which differ in every run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(RandomState::new().hash_one("secrets"))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed >> 32) % bound as u64).unwrap()
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let letter = |_| alphabet[self.below(alphabet.len())];
        (0..length).map(letter).collect()
    }

    fn word(&mut self, length: usize) -> String {
        self.text(
            "ABCDEFGHKLMNPQRSTUVWXYZabcdefghkmnpqrstuvwxyz23456789",
            length,
        )
    }
}

/// Secrets of every kind in turn.
fn secrets(random: &mut Random) -> Vec<String> {
    let secret = |kind: usize| {
        let word = random.word(16);
        match kind % 16 {
            0 => word,
            // Nothing that could be in a log by chance.
            1 => format!(
                "{}#{}{}",
                random.text("QXZ", 2),
                kind / 16,
                random.text("qxz%", 2)
            ),
            2 => format!("a \"quoted\" {word} and 'another'"),
            3 => format!("{word}\n{}\n\n  {}\n", random.word(12), random.word(40)),
            4 => {
                let lines: Vec<_> = (0..4).map(|_| random.word(64)).collect();
                let lines = lines.join("\n");
                format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
            }
            5 => format!("pässwörd-{word}-€-𝄞"),
            6 => json!({"private_key": format!("{word}\n{}", random.word(30)), "slash": "a/b"})
                .to_string(),
            7 => format!("{word}   "),
            8 => format!("\t {word}"),
            9 => {
                // One of 4 kB; the search takes long enough.
                let length = if kind == 9 { 4096 } else { 200 };
                random.text("abcXYZ019 +/=-_.~!*'\"\\()<>&%$#@é€𝄞", length)
            }
            10 => format!("postgresql://user:{word}@db.internal:5432/name?sslmode=require"),
            11 => format!("\\{word}\\n$HOME`id`!{word}"),
            12 => format!("<{word} a=\"b\" c='d'>&amp;"),
            13 => random.text("0123456789abcdef", 64),
            14 => random.text(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                88,
            ),
            _ => format!("{word}\r\n{}", random.word(20)),
        }
    };
    (0..SECRETS).map(secret).collect()
}

/// The text of a file with these secrets.
fn credentials(secrets: &[String]) -> String {
    let named: serde_json::Map<_, _> = secrets
        .iter()
        .enumerate()
        .map(|(index, secret)| (format!("s{index}"), json!(secret)))
        .collect();
    json!({"secrets": named}).to_string()
}

fn templates(secrets: &[String]) -> TemplateContext {
    let text = credentials(secrets);
    let document = Document::parse(CREDENTIALS_FILE, &text).unwrap();
    let secrets = CredentialsFile::parse(&document, Path::new(".")).unwrap();
    TemplateContext::default().with_secrets(Arc::new(secrets))
}

/// Each secret in a variable, in the arguments, deep in the arguments, and in a header.
fn config(uri: &str) -> Value {
    let template = |index: usize| json!(format!("{{{{ secret.s{index} }}}}"));
    let all: Vec<_> = (0..SECRETS).map(template).collect();
    let variables: serde_json::Map<_, _> = (0..SECRETS)
        .map(|index| (format!("S{index}"), template(index)))
        .collect();
    let headers: serde_json::Map<_, _> = (0..SECRETS)
        .filter(|index| [0, 1, 2, 5, 10, 13, 14].contains(&(index % 16)))
        .map(|index| (format!("X-Secret-{index}"), template(index)))
        .collect();
    json!({
        "script": {
            "uri": uri,
            "interpreter": "python3",
            "source": {"type": "http", "headers": headers},
        },
        "args": {
            "all": all,
            "nested": {"deep": [{"er": "Bearer {{ secret.s0 }}!", "first": "{{ secret.s6 }}"}]},
        },
        "job": {"backoffLimit": 0, "env": variables},
    })
}

/// Answers with the script, or with an error that quotes every header.
struct Scripts {
    quotes: bool,
    /// The headers of the last request.
    headers: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl ObjectSource for Scripts {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let headers = request.options.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {}", value.expose_secret()))
            .collect();
        headers.clone_into(&mut self.headers.lock().unwrap());
        if self.quotes {
            let quoted = headers.join("\n");
            return Err(CapabilityError::new(Reason::FetchDenied, &quoted).with_hint(quoted));
        }
        Ok(Object {
            bytes: LEAKY.into(),
            metadata: toolhost::capability::ObjectMetadata::default(),
        })
    }
}

async fn host(folder: &Path, source: Scripts) -> ToolHost {
    let mut settings = LocalSettings::default();
    settings.work_directory = folder.join("jobs");
    settings.search_path = std::env::var("PATH").unwrap();
    let host = ToolHost::builder()
        .jobs(Arc::new(LocalEngine::new(settings)))
        .objects(Arc::new(source))
        .cache_directory(guests::workspace().join("target/guests/compiled"))
        .log_directory(folder.join("logs"))
        .build()
        .unwrap();
    host.load_embedded_tools().await.unwrap();
    host
}

/// What a run told, by where it told it.
struct Told {
    outcome: Outcome,
    events: String,
    trace: String,
}

/// Makes the call; `while_running` is called when the script has told everything, and before it ends.
async fn call(folder: &Path, secrets: &[String], quotes: bool, while_running: impl Fn()) -> Told {
    let headers = Arc::default();
    let source = Scripts {
        quotes,
        headers: Arc::clone(&headers),
    };
    let host = host(folder, source).await;
    let log = guests::CapturedLog::default();
    let captured = log.capture();
    let (sender, mut reader) = progress();
    let config = config("https://scripts.example/leaky.py");
    let mut request = CallRequest::new(
        "script".parse().unwrap(),
        config,
        ExecutionId::new("7"),
        StepName::new("step"),
    )
    .with_templates(templates(secrets))
    .with_progress(sender);
    let signal = folder.join("go");
    request.config["job"]["env"]["GO"] = json!(signal);
    let watching = async {
        let mut events = String::new();
        while let Some(event) = reader.next().await {
            if let ProgressEvent::Log { record, .. } = &event {
                // As a person reads it, not as Rust quotes it.
                writeln!(events, "{}", record.text).unwrap();
                if record.text == "everything is printed" {
                    while_running();
                    std::fs::write(&signal, "").unwrap();
                }
            } else {
                writeln!(events, "{event:?}").unwrap();
            }
        }
        events
    };
    let (outcome, events) = tokio::join!(host.call(request), watching);
    drop(captured);
    let headers = headers.lock().unwrap().join("\n");
    assert!(headers.contains(&secrets[0]) && headers.contains(&secrets[10]));
    Told {
        outcome: outcome.unwrap(),
        events,
        trace: log.text(),
    }
}

#[tokio::test]
async fn nothing_that_a_run_leaves_behind_holds_a_secret() {
    let secrets = secrets(&mut Random::new());
    let scanner = Scanner::new(&secrets);
    let folder = tempfile::tempdir().unwrap();
    let is_delivery = |name: &str| name == ARGUMENTS_FILE;
    let told = call(folder.path(), &secrets, false, || {
        let bytes = scanner.check_folder(folder.path(), &is_delivery);
        assert!(
            bytes > 50_000,
            "only {bytes} bytes were there to be searched"
        );
    })
    .await;
    assert!(
        told.events.contains("every secret arrived"),
        "{}",
        told.events
    );
    assert_eq!(
        told.outcome.text("status"),
        Some("failed"),
        "{:?}",
        told.outcome
    );
    scanner.check(
        "the outcome",
        Value::Object(told.outcome.document().clone()).to_string(),
    );
    scanner.check("the outcome in Rust", format!("{:?}", told.outcome));
    scanner.check("the progress", &told.events);
    assert!(told.trace.contains("calling the tool"));
    scanner.check("the trace", &told.trace);
    assert!(scanner.check_folder(folder.path(), &|_| false) > 50_000);
    assert!(told.events.matches("***").count() > SECRETS * 20);
}

#[tokio::test]
async fn an_error_of_a_fetch_that_quotes_its_headers_holds_no_secret() {
    let secrets = secrets(&mut Random::new());
    let scanner = Scanner::new(&secrets);
    let folder = tempfile::tempdir().unwrap();
    let told = call(folder.path(), &secrets, true, || {}).await;
    assert_eq!(
        told.outcome.text("reason"),
        Some("FetchDenied"),
        "{:?}",
        told.outcome
    );
    assert!(
        told.outcome
            .text("message")
            .unwrap()
            .contains("X-Secret-0: ***"),
        "{:?}",
        told.outcome
    );
    scanner.check("the outcome", format!("{:?}", told.outcome));
    scanner.check("the progress", &told.events);
    scanner.check("the trace", &told.trace);
    scanner.check_folder(folder.path(), &|_| false);
}

#[test]
fn the_command_line_tells_no_secret_at_the_most_talkative() {
    let secrets = secrets(&mut Random::new());
    let scanner = Scanner::new(&secrets);
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let mut tool = config("./leaky.py");
    tool["kind"] = json!("script");
    tool["script"]["source"] = json!({"type": "file"});
    // It is there: nothing waits.
    tool["job"]["env"]["GO"] = json!(home.join("leaky.py"));
    let playbook = json!({
        "apiVersion": "noetl.io/v2",
        "kind": "Playbook",
        "metadata": {"name": "leaky"},
        "workflow": [{"step": "leak", "tool": tool}],
    });
    for (name, content) in [
        ("leaky.py", LEAKY.to_owned()),
        ("playbook.json", playbook.to_string()),
        (CREDENTIALS_FILE, credentials(&secrets)),
    ] {
        std::fs::write(home.join(name), content).unwrap();
    }
    let arguments = ["run", "playbook.json", "--credentials", CREDENTIALS_FILE];
    let output = program::command(home, &arguments)
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("every secret arrived"), "{told}");
    assert!(
        told.contains("calling the tool"),
        "nothing was traced: {told}"
    );
    assert_eq!(output.status.code(), Some(1), "{told}");
    scanner.check("standard output", &output.stdout);
    scanner.check("standard error", &output.stderr);
    scanner.check_folder(home, &|name| name == CREDENTIALS_FILE);
}

/// The same script without a host around it: its output must not pass, in any form, for any secret.
#[test]
fn the_search_finds_every_secret_in_what_the_script_itself_writes() {
    let secrets = secrets(&mut Random::new());
    let scanner = Scanner::new(&secrets);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("leaky.py"), LEAKY).unwrap();
    std::fs::write(folder.path().join("go"), "").unwrap();
    let mut command = std::process::Command::new("python3");
    command
        .args([
            "leaky.py",
            &json!({"all": secrets, "nested": {}}).to_string(),
        ])
        .current_dir(folder.path())
        .env("GO", folder.path().join("go"));
    for (index, secret) in secrets.iter().enumerate() {
        command.env(format!("S{index}"), secret);
    }
    let output = command.output().unwrap();
    for written in [&output.stdout, &output.stderr] {
        let found = scanner.find(written);
        let named: BTreeSet<_> = found.iter().map(|finding| finding.secret).collect();
        assert_eq!(
            named.len(),
            SECRETS,
            "some secrets were not found: {named:?}"
        );
        let encodings: BTreeSet<_> = found.iter().map(|finding| finding.encoding).collect();
        let expected = [
            "URL",
            "base64",
            "escapes",
            "form",
            "hexadecimal",
            "markup",
            "nothing",
            "shell",
            "wrapped base64",
        ];
        assert_eq!(encodings, expected.into());
    }
}

#[test]
#[should_panic(expected = "holds secrets")]
fn the_search_fails_where_one_file_holds_one_secret() {
    let secrets = secrets(&mut Random::new());
    let folder = tempfile::tempdir().unwrap();
    let planted = format!("some text {} and more", secrets[1]);
    std::fs::write(folder.path().join("leak"), planted).unwrap();
    Scanner::new(&secrets).check_folder(folder.path(), &|_| false);
}
