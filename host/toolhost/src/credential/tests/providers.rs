use std::os::unix::fs::symlink;

use serde_json::json;

use super::*;

fn problems(text: &str) -> Vec<String> {
    let document = Document::parse_confidential("credentials.yaml", text).unwrap();
    let problems = CredentialsFile::parse(&document, Path::new("")).unwrap_err();
    let shown = problems.iter().map(|problem| match problem.help_text() {
        Some(help) => format!("{problem}; {help}"),
        None => problem.to_string(),
    });
    shown.collect()
}

async fn secret(provider: &dyn Provider, name: &str) -> Option<Value> {
    let secret = provider.secret(name).await.unwrap();
    secret.map(|secret| secret.expose().clone())
}

async fn fields(provider: &dyn Provider, name: &str) -> (CredentialType, Value) {
    let credential = provider.credential(name).await.unwrap().unwrap();
    let fields = credential.fields.iter();
    let fields = fields
        .map(|(field, value)| (field.clone(), value.expose().clone()))
        .collect();
    (credential.kind, Value::Object(fields))
}

#[tokio::test]
async fn the_environment_has_secrets_and_credentials_by_their_names() {
    let world = World::new(&[
        ("TOOLHOST_SECRET_DB_PASSWORD", "a-password"),
        (
            "TOOLHOST_CREDENTIAL_GCS_1",
            r#"{"type": "bearer", "token": "a-token"}"#,
        ),
        ("TOOLHOST_CREDENTIAL_BAD", "hunter2"),
        ("TOOLHOST_CREDENTIAL_UNTYPED", r#"{"token": "hunter2"}"#),
    ]);
    let provider = EnvironmentProvider::new(world.machine());
    assert_eq!(
        secret(&provider, "db_password").await,
        Some(json!("a-password"))
    );
    assert_eq!(
        secret(&provider, "db-password").await,
        Some(json!("a-password"))
    );
    assert_eq!(secret(&provider, "other").await, None);
    assert_eq!(
        fields(&provider, "gcs.1").await,
        (CredentialType::Bearer, json!({"token": "a-token"}))
    );
    for (name, expected) in [
        (
            "bad",
            "credential `bad` of the environment variable `TOOLHOST_CREDENTIAL_BAD` is not JSON",
        ),
        (
            "untyped",
            "credential `untyped` of the environment variable `TOOLHOST_CREDENTIAL_UNTYPED` has no `type`",
        ),
    ] {
        let error = provider.credential(name).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_mounted_secret_is_read_again_after_the_kubelet_changed_it() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path();
    let write = |version: &str, files: &[(&str, &str)]| {
        std::fs::create_dir(mount.join(version)).unwrap();
        for (name, text) in files {
            std::fs::write(mount.join(version).join(name), text).unwrap();
        }
        // As in the kubelet: a new link, which is then renamed over the old one.
        symlink(version, mount.join("..data_tmp")).unwrap();
        std::fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    write(
        "..2026_1",
        &[
            ("word", "old\n"),
            ("api.json", r#"{"type": "bearer", "token": "one"}"#),
        ],
    );
    for name in ["word", "api.json"] {
        symlink(format!("..data/{name}"), mount.join(name)).unwrap();
    }
    let provider = FolderProvider::new(mount);
    assert_eq!(secret(&provider, "word").await, Some(json!("old")));
    assert_eq!(fields(&provider, "api").await.1, json!({"token": "one"}));
    write(
        "..2026_2",
        &[
            ("word", "new"),
            ("api.json", r#"{"type": "bearer", "token": "two"}"#),
        ],
    );
    std::fs::remove_dir_all(mount.join("..2026_1")).unwrap();
    assert_eq!(secret(&provider, "word").await, Some(json!("new")));
    assert_eq!(fields(&provider, "api").await.1, json!({"token": "two"}));
    assert_eq!(provider.credential_names(), ["api"]);
    for name in ["..data", "../word", "", ".", "..", "missing", "a/b"] {
        assert_eq!(secret(&provider, name).await, None, "{name}");
        assert!(provider.credential(name).await.unwrap().is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_credential_in_a_folder_is_a_document_or_a_folder_of_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(
        path.join("yaml.yaml"),
        "type: postgres\ndb_host: h\ndb_port: 5432\n",
    )
    .unwrap();
    std::fs::write(
        path.join("key.json"),
        r#"{"type": "service_account", "client_email": "a@b"}"#,
    )
    .unwrap();
    std::fs::create_dir(path.join("login")).unwrap();
    std::fs::write(path.join("login/type"), "basic\n").unwrap();
    std::fs::write(path.join("login/username"), "ada\n").unwrap();
    std::fs::write(path.join("login/password"), "a-password").unwrap();
    std::fs::create_dir(path.join("any")).unwrap();
    std::fs::write(path.join("any/api_key"), "a-key").unwrap();
    std::fs::write(path.join("bad.json"), "{hunter2").unwrap();
    let provider = FolderProvider::new(path);
    assert_eq!(
        fields(&provider, "yaml").await,
        (CredentialType::Postgres, json!({"host": "h", "port": 5432}))
    );
    let (kind, key) = fields(&provider, "key").await;
    assert_eq!(kind, CredentialType::Google);
    assert_eq!(key["service_account"]["client_email"], "a@b");
    assert_eq!(
        fields(&provider, "login").await,
        (
            CredentialType::Basic,
            json!({"username": "ada", "password": "a-password"})
        )
    );
    assert_eq!(
        fields(&provider, "any").await,
        (CredentialType::Generic, json!({"api_key": "a-key"}))
    );
    assert_eq!(secret(&provider, "login").await, None);
    let error = provider.credential("bad").await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

fn noetl(server: &Server, token: &str) -> Arc<dyn Provider> {
    let url = server.url("");
    let text = format!("providers: [{{noetl: {{url: '{url}', token: {token}}}}}]");
    let world = World::default();
    let file = world.file(&text);
    file.providers()[0]
        .provider(Path::new(""), &world.machine(), &exchange())
        .unwrap()
}

#[tokio::test]
async fn a_noetl_server_returns_its_types_of_credentials() {
    let server = Server::start(|_, received| {
        assert_eq!(received.header("authorization"), Some("Bearer a-server-token"));
        let name = received
            .target
            .strip_prefix("/api/credentials/")
            .and_then(|rest| rest.strip_suffix("?include_data=true"));
        let (kind, data) = match name.unwrap() {
            "pg_local" => (
                "postgres",
                json!({"db_host": "h", "db_port": 5432, "db_user": "u", "db_password": "p", "db_name": "d"}),
            ),
            "gcs" => ("gcs_hmac", json!({"key_id": "GOOG1", "secret_key": "hmac-secret", "service": "gcs"})),
            "sa" => ("google_oauth", json!({"type": "service_account", "private_key": "k", "client_email": "a@b"})),
            "s3" => ("aws_s3", json!({"access_key": "AK", "secret_key": "sk", "region": "r"})),
            "http" => ("httpBearerAuth", json!({"token": "a-token"})),
            "odd%2F..%2Fname" => ("slack", json!({"webhook": "w"})),
            "empty" => return Answer::ok(r#"{"name": "empty", "type": "postgres"}"#),
            "broken" => return Answer::new(500).body(r#"{"detail": "database is away a-server-token"}"#),
            _ => return Answer::new(404),
        };
        Answer::ok(json!({"name": name, "type": kind, "data": data}).to_string())
    })
    .await;
    let provider = noetl(&server, "a-server-token");
    let provider = provider.as_ref();
    for (name, kind, expected) in [
        (
            "pg_local",
            CredentialType::Postgres,
            json!({"host": "h", "port": 5432, "user": "u", "password": "p", "database": "d"}),
        ),
        (
            "gcs",
            CredentialType::Aws,
            json!({"access_key_id": "GOOG1", "secret_access_key": "hmac-secret", "service": "gcs",
                   "endpoint": "https://storage.googleapis.com"}),
        ),
        (
            "sa",
            CredentialType::Google,
            json!({"service_account": {"type": "service_account", "private_key": "k", "client_email": "a@b"}}),
        ),
        (
            "s3",
            CredentialType::Aws,
            json!({"access_key_id": "AK", "secret_access_key": "sk", "region": "r"}),
        ),
        ("http", CredentialType::Bearer, json!({"token": "a-token"})),
        (
            "odd/../name",
            CredentialType::Generic,
            json!({"webhook": "w"}),
        ),
    ] {
        assert_eq!(fields(provider, name).await, (kind, expected), "{name}");
    }
    assert!(provider.credential("other").await.unwrap().is_none());
    let error = provider.credential("broken").await.unwrap_err().to_string();
    assert!(
        error.contains("the NoETL server `http://127.0.0.1:"),
        "{error}"
    );
    assert!(
        error.ends_with("status 500 (database is away ***)"),
        "{error}"
    );
    let error = provider.credential("empty").await.unwrap_err().to_string();
    assert!(error.contains("returned no `data`"), "{error}");
    // Answers are cached, and so is that there is none.
    let before = server.requests().len();
    provider.credential("other").await.unwrap();
    fields(provider, "s3").await;
    assert_eq!(server.requests().len(), before);
}

#[tokio::test]
async fn a_chain_is_searched_in_its_order_and_stops_at_a_failure() {
    let world = World::new(&[
        ("TOOLHOST_SECRET_A", "of-environment"),
        ("TOOLHOST_SECRET_B", "of-environment"),
        ("TOOLHOST_SECRET_C", "of-environment"),
    ]);
    let file = world.file("secrets: {a: of-the-file, c: {env: UNSET}}");
    let environment = EnvironmentProvider::new(world.machine());
    let chain = ProviderChain::new(vec![Arc::new(file), Arc::new(environment)]);
    assert_eq!(secret(&chain, "a").await, Some(json!("of-the-file")));
    assert_eq!(secret(&chain, "b").await, Some(json!("of-environment")));
    assert_eq!(secret(&chain, "d").await, None);
    assert!(chain.secret("c").await.is_err());
    assert_eq!(chain.secret_names(), ["a", "c"]);
}

#[test]
fn providers_are_checked_with_their_places() {
    let text = "\
providers:
  - enviroment
  - foldr: /secrets
  - folder: []
  - noetl: {url: noetl, tokn: x}
  - noetl: {}
  - command: {}
  - {env: , folder: x}
";
    assert_eq!(
        problems(text),
        [
            "unknown or malformed provider (at credentials.yaml:2:5); expected `env`, `folder`, `noetl` and `command`",
            "unknown or malformed provider (at credentials.yaml:3:5); did you mean `folder`?",
            "`folder` of the provider must be a text (at credentials.yaml:4:13)",
            "invalid `url` of the provider `noetl`: expected an http or https URL (at credentials.yaml:5:18)",
            "the provider `noetl` has no `url` (at credentials.yaml:6:12)",
            "`command` of a provider must be a list of a program and its arguments (at credentials.yaml:7:14)",
            "a provider must be `env`, or a mapping of one key (at credentials.yaml:8:5); write `- env`, `- folder: PATH`, `- noetl: {url: URL}` or `- command: [PROGRAM]`",
        ]
    );
    assert_eq!(
        problems("providers: env"),
        ["`providers` must be a list, not a string (at credentials.yaml:1:12)"]
    );
}

#[test]
fn providers_are_named_on_the_command_line_too() {
    for good in [
        "env",
        "folder:/secrets",
        "noetl:https://noetl:8082",
        "command:pass-helper a",
    ] {
        assert!(good.parse::<ProviderSettings>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "environment",
        "folder:",
        "noetl:noetl",
        "command: ",
        "vault:x",
    ] {
        assert!(bad.parse::<ProviderSettings>().is_err(), "{bad}");
    }
}

#[test]
fn a_secret_that_is_too_short_to_be_redacted_is_named() {
    let file = World::default().file(
        "\
secrets: {pin: 12345, empty: '', long: 123456, list: [a], flag: true}
credentials:
  db: {type: postgres, host: h, port: 1, user: u, password: short}
  any: {type: generic, api_key: k, place: x}
",
    );
    let shown: Vec<_> = file.warnings().iter().map(ToString::to_string).collect();
    let rest =
        "has fewer than 6 bytes: it is not redacted in logs and outcomes (at credentials.yaml";
    let expected = [
        format!("secret `pin` {rest}:1:16)"),
        format!("`password` of credential `db` {rest}:3:61)"),
        format!("`api_key` of credential `any` {rest}:4:33)"),
    ];
    assert_eq!(shown, expected);
}
