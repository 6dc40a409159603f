use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::credential::*;
use crate::diagnostic::Document;

fn parse(text: &str) -> CredentialsFile {
    let document = Document::parse_confidential("credentials.yaml", text).unwrap();
    CredentialsFile::parse(&document, Path::new("/folder"))
        .unwrap()
        .with_environment(|variable| (variable == "SET").then(|| "from the environment".to_owned()))
}

fn problems(text: &str) -> Vec<String> {
    let document = Document::parse_confidential("credentials.yaml", text).unwrap();
    let problems = CredentialsFile::parse(&document, Path::new("")).unwrap_err();
    problems
        .iter()
        .map(|problem| match problem.help_text() {
            Some(help) => format!("{problem}; {help}"),
            None => problem.to_string(),
        })
        .collect()
}

fn chain(error: &CredentialError) -> String {
    error.chain()
}

async fn secret(file: &CredentialsFile, name: &str) -> Value {
    let value = file.secret(name).await.unwrap().unwrap();
    value.expose().clone()
}

#[tokio::test]
async fn a_secret_keeps_its_type() {
    let file = parse("secrets: {text: x, number: 5, list: [1, {a: b}], nothing: null}\n");
    assert_eq!(secret(&file, "text").await, json!("x"));
    assert_eq!(secret(&file, "number").await, json!(5));
    assert_eq!(secret(&file, "list").await, json!([1, {"a": "b"}]));
    assert_eq!(secret(&file, "nothing").await, Value::Null);
    assert!(file.secret("other").await.unwrap().is_none());
    assert_eq!(file.secret_names(), ["list", "nothing", "number", "text"]);
}

#[tokio::test]
async fn a_secret_comes_from_the_environment_when_it_is_asked_for() {
    let file = parse("secrets: {set: {env: SET}, unset: {env: UNSET}}\n");
    assert_eq!(secret(&file, "set").await, json!("from the environment"));
    let error = file.secret("unset").await.unwrap_err();
    assert_eq!(
        chain(&error),
        "secret `unset` is taken from the environment variable `UNSET`, which is not set"
    );
}

#[tokio::test]
async fn a_secret_comes_from_a_file_next_to_the_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.yaml");
    fs::write(
        &path,
        "secrets: {a: {file: one}, b: {file: missing}, c: {file: .}, d: {file: big}}\n",
    )
    .unwrap();
    fs::write(folder.path().join("one"), "line one\n\n").unwrap();
    let too_large = vec![b'x'; usize::try_from(MAX_SECRET_BYTES).unwrap() + 1];
    fs::write(folder.path().join("big"), too_large).unwrap();
    let file = CredentialsFile::load(&path).unwrap();
    assert_eq!(secret(&file, "a").await, json!("line one\n"));
    for (name, expected) in [
        ("b", "which cannot be read: No such file"),
        ("c", "which cannot be read: not a regular file"),
        ("d", "which cannot be read: larger than 1048576 bytes"),
    ] {
        let error = file.secret(name).await.unwrap_err();
        assert!(chain(&error).contains(expected), "{}", chain(&error));
    }
}

#[test]
fn a_file_that_others_can_read_gets_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.yaml");
    fs::write(&path, "secrets: {a: long enough}\n").unwrap();
    for (mode, warnings) in [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let file = CredentialsFile::load(&path).unwrap();
        assert_eq!(file.warnings().len(), warnings, "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let file = CredentialsFile::load(&path).unwrap();
    let warning = file.warnings().first().unwrap().to_string();
    assert!(warning.ends_with("its mode is 644"), "{warning}");
}

#[test]
fn a_missing_or_oversized_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.yaml");
    let error = CredentialsFile::load(&path).unwrap_err();
    let start = "cannot read the credentials file `";
    assert!(chain(&error).starts_with(start), "{error}");
    assert!(chain(&error).contains("credentials.yaml`: No such file"));
    let too_large = vec![b'#'; usize::try_from(MAX_CREDENTIALS_BYTES).unwrap() + 1];
    fs::write(&path, too_large).unwrap();
    let error = CredentialsFile::load(&path).unwrap_err();
    assert!(chain(&error).contains("larger than 1048576 bytes"));
}

#[test]
fn every_problem_is_reported_with_its_place_and_without_a_value() {
    let text = "\
secret: {a: hunter2}
secrets:
  b: {evn: HUNTER2}
  c: {env: [hunter2]}
  d: {env: A, file: B}
credentials:
  no_type: {token: hunter2}
  bad_type: {type: googel, access_token: hunter2}
  odd_type: {type: vault, access_token: hunter2}
  number_type: {type: 5}
  field: {type: aws, access_key: hunter2, secret_access_key: hunter2}
  empty: {type: basic, username: hunter2}
  list: {type: bearer, token: [hunter2]}
  text: hunter2
";
    assert_eq!(
        problems(text),
        [
            "unknown key `secret` in the credentials file (at credentials.yaml:1:1); did you mean `secrets`?",
            "unknown key `evn` in secret `b` (at credentials.yaml:3:7); did you mean `env`?",
            "`env` of secret `c` must be a text (at credentials.yaml:4:12)",
            "secret `d` can come from `env` or from `file`, not from both (at credentials.yaml:5:6)",
            "credential `no_type` has no `type` (at credentials.yaml:7:3); expected `aws`, `google`, `bearer`, `basic`, `oauth2`, `postgres` or `generic`",
            "credential `bad_type` has an unknown type (at credentials.yaml:8:20); did you mean `google`?",
            "credential `odd_type` has an unknown type (at credentials.yaml:9:20); expected `aws`, `google`, `bearer`, `basic`, `oauth2`, `postgres` or `generic`",
            "`type` of credential `number_type` must be a text, not a number (at credentials.yaml:10:23)",
            "unknown key `access_key` in credential `field` of type `aws` (at credentials.yaml:11:22); did you mean `access_key_id`?",
            "credential `empty` of type `basic` has no `password` (at credentials.yaml:12:3)",
            "`token` of credential `list` must be a text, `{env: VARIABLE}` or `{file: PATH}`, not a list (at credentials.yaml:13:31)",
            "credential `text` must be a mapping, not a string (at credentials.yaml:14:9)",
        ]
    );
}

/// Returns every message about a file, whether it is refused or its values are requested.
async fn messages(text: &str, folder: &Path) -> String {
    let source = "credentials.yaml";
    let parsed = Document::parse_confidential(source, text)
        .map_err(|problem| vec![problem])
        .and_then(|document| CredentialsFile::parse(&document, folder));
    let file = match parsed {
        Ok(file) => file.with_environment(|_| None),
        Err(problems) => {
            let shown = problems.iter().map(|problem| problem.render(false));
            return shown.collect();
        }
    };
    let warnings = file.warnings().iter();
    let mut messages: String = warnings.map(|warning| warning.render(false)).collect();
    let mut tell = |error: Option<CredentialError>| {
        if let Some(error) = error {
            let help = error.help().unwrap_or_default();
            write!(messages, "{} {help} {error:?}", error.chain()).unwrap();
        }
    };
    for name in file.secret_names() {
        tell(file.secret(&name).await.err());
    }
    for name in file.credential_names() {
        tell(file.credential(&name).await.err());
    }
    messages
}

#[tokio::test]
async fn a_value_in_the_wrong_place_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    // A password, a token for one-time passwords, and others that resemble a path, a variable or a file.
    let values = [
        "hunter2-hunter2",
        "JBSWY3DPEHPK3PXP",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    ];
    let places = [
        "VALUE: {}",
        "secrets: VALUE",
        "secrets: [VALUE]",
        "secrets: {a: {env: VALUE}}",
        "secrets: {a: {file: VALUE}}",
        "secrets: {a: {env: [VALUE]}}",
        "secrets: {a: {env: VALUE, file: VALUE}}",
        "secrets: {a: *VALUE}",
        "secrets: {a: !VALUE x}",
        "secrets: {a: x, VALUE: y, VALUE: z}",
        "secrets: {a: \"VALUE}",
        "credentials: VALUE",
        "credentials: {a: VALUE}",
        "credentials: {a: [VALUE]}",
        "credentials: {a: {token: VALUE}}",
        "credentials: {a: {type: VALUE}}",
        "credentials: {a: {type: [VALUE]}}",
        "credentials: {a: {type: bearer, VALUE}}",
        "credentials: {a: {type: bearer, VALUE: token}}",
        "credentials: {a: {type: bearer, tokn: VALUE}}",
        "credentials: {a: {type: bearer, token: [VALUE]}}",
        "credentials: {a: {type: bearer, token: {env: VALUE}}}",
        "credentials: {a: {type: basic, username: VALUE}}",
        "credentials: {a: {type: google, service_account: VALUE}}",
        "credentials: {a: {type: google, service_account: {file: VALUE}}}",
        "providers: VALUE",
        "providers: [VALUE]",
        "providers: [{VALUE: x}]",
        "providers: [{noetl: {url: VALUE}}]",
        "providers: [{noetl: {VALUE: x}}]",
        "providers: [{command: {VALUE: x}}]",
        "VALUE",
        "[VALUE]",
        "secrets:\n  a: VALUE\n b: x",
        "secrets:\n\ta: VALUE",
    ];
    for value in values {
        for place in places {
            let text = place.replace("VALUE", value);
            let messages = messages(&text, folder.path()).await;
            assert!(!messages.contains(value), "{text}\n{messages}");
            // Lines are wrapped.
            let start = value.get(..12).unwrap();
            assert!(!messages.contains(start), "{text}\n{messages}");
        }
    }
}

#[tokio::test]
async fn a_plausible_name_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("there"), [0xff]).unwrap();
    for (source, expected) in [
        (
            "env: DB_PASSWORD_2",
            "the environment variable `DB_PASSWORD_2`, which is not set",
        ),
        (
            "env: password2",
            "an environment variable, which is not set",
        ),
        (
            "file: key.json",
            "key.json`, which cannot be read: No such file",
        ),
        (
            "file: there",
            "there`, which cannot be read: not valid UTF-8",
        ),
        ("file: keys/key.json", "is taken from a file below `"),
    ] {
        let messages = messages(&format!("secrets: {{a: {{{source}}}}}"), folder.path()).await;
        assert!(messages.contains(expected), "{source}: {messages}");
    }
}

#[test]
fn the_users_own_file_must_be_a_regular_one() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.yaml");
    assert!(CredentialsFile::load_own(&path).unwrap().is_none());
    assert!(
        CredentialsFile::load_own(&path.join("below"))
            .unwrap()
            .is_none()
    );
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let error = CredentialsFile::load_own(&path).unwrap_err();
    assert!(
        chain(&error).ends_with("not a regular file"),
        "{}",
        chain(&error)
    );
    fs::remove_file(&path).unwrap();
    fs::write(&path, "secrets: {a: long enough}\n").unwrap();
    let file = CredentialsFile::load_own(&path).unwrap().unwrap();
    assert_eq!(file.secret_names(), ["a"]);
}

#[tokio::test]
async fn a_credential_has_its_fields() {
    let file = parse(
        "\
credentials:
  s3: {type: aws, access_key_id: AK, secret_access_key: {env: SET}, region: eu-west-1}
  gcs: {type: google, service_account: '{\"client_email\": \"a@b\"}', authorized_user_file: user.json}
  db: {type: postgres, host: h, port: 5432}
  odd: {type: google, service_account: 'not json'}
",
    );
    let aws = file.credential("s3").await.unwrap().unwrap();
    assert_eq!(aws.kind, CredentialType::Aws);
    assert_eq!(
        aws.text("secret_access_key").unwrap().expose_secret(),
        "from the environment"
    );
    let google = file.credential("gcs").await.unwrap().unwrap();
    assert_eq!(
        google.fields["service_account"].expose(),
        &json!({"client_email": "a@b"})
    );
    let user_file = google.text("authorized_user_file").unwrap();
    assert_eq!(user_file.expose_secret(), "/folder/user.json");
    let postgres = file.credential("db").await.unwrap().unwrap();
    assert_eq!(postgres.text("port").unwrap().expose_secret(), "5432");
    assert_eq!(
        chain(&file.credential("odd").await.unwrap_err()),
        "`service_account` of credential `odd` is not the JSON of a key"
    );
    assert!(file.credential("other").await.unwrap().is_none());
}

fn keychain() -> Keychain {
    let file = parse(
        "\
credentials:
  google_oauth: {type: google, access_token: ya29}
  google_key: {type: google, service_account: {client_email: a@b}}
  aws_cred: {type: aws, access_key_id: AK, secret_access_key: SK}
  login: {type: basic, username: u, password: p}
  wandb: {type: generic, api_key: k}
  client: {type: oauth2, token_url: 'https://x', client_id: c, client_secret: s}
  plain: {type: bearer, token: t}
",
    );
    let entry = |name: &str, credential: &str| KeychainEntry {
        name: name.to_owned(),
        kind: KeychainKind::from_name("bearer").unwrap(),
        credential: credential.to_owned(),
        min_ttl: std::time::Duration::ZERO,
    };
    let entries = vec![
        entry("gcp_token", "google_oauth"),
        entry("gcp_key", "google_key"),
        entry("api", "client"),
        entry("bearer", "plain"),
        entry("broken", "google_oath"),
    ];
    Keychain::new(entries, Arc::new(file))
}

#[tokio::test]
async fn a_keychain_entry_shows_the_fields_of_its_credential() {
    let keychain = keychain();
    for (entry, field, expected) in [
        ("gcp_token", "token", json!("ya29")),
        ("gcp_token", "access_token", json!("ya29")),
        (
            "gcp_key",
            "service_account_json",
            json!({"client_email": "a@b"}),
        ),
        ("bearer", "token", json!("t")),
        ("bearer", "access_token", json!("t")),
        ("aws_cred", "access_key", json!("AK")),
        ("aws_cred", "secret_key", json!("SK")),
        ("login", "username", json!("u")),
        ("wandb", "api_key", json!("k")),
        ("api", "client_id", json!("c")),
    ] {
        let value = keychain.field(entry, field).await.unwrap();
        assert_eq!(value.unwrap().expose(), &expected, "{entry}.{field}");
    }
    assert!(keychain.field("login", "token").await.unwrap().is_none());
    assert_eq!(
        keychain.fields("login").await.unwrap(),
        ["password", "username"]
    );
}

#[tokio::test]
async fn a_token_of_a_server_is_refused_by_name() {
    let keychain = keychain();
    let error = keychain.field("gcp_key", "token").await.unwrap_err();
    assert_eq!(
        chain(&error),
        "`keychain.gcp_key.access_token` needs a token of a google server, which is not supported"
    );
    let error = keychain.field("api", "access_token").await.unwrap_err();
    assert!(chain(&error).contains("oauth2"));
    assert!(error.help().unwrap().contains("token"));
}

#[tokio::test]
async fn an_unknown_entry_or_credential_is_named() {
    let keychain = keychain();
    let error = keychain.field("gcp_tokn", "token").await.unwrap_err();
    assert_eq!(chain(&error), "keychain entry `gcp_tokn` is not defined");
    assert_eq!(error.help().unwrap(), "did you mean `gcp_token`?");
    let error = keychain.field("broken", "token").await.unwrap_err();
    assert_eq!(
        chain(&error),
        "credential `google_oath` of the keychain entry `broken` is not defined"
    );
    assert_eq!(error.help().unwrap(), "did you mean `google_oauth`?");
}

#[tokio::test]
async fn secrets_are_not_printed() {
    let file = parse("secrets: {a: hunter2}\ncredentials: {b: {type: bearer, token: hunter2}}\n");
    let credential = file.credential("b").await.unwrap().unwrap();
    let value = file.secret("a").await.unwrap().unwrap();
    let keychain = Keychain::new(Vec::new(), Arc::new(parse("secrets: {a: hunter2}\n")));
    let shown = format!("{file:?} {credential:?} {value:?} {keychain:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
