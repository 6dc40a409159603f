use super::*;

fn entry(name: &str, kind: &str, credential: &str) -> KeychainEntry {
    KeychainEntry {
        name: name.to_owned(),
        kind: KeychainKind::from_name(kind).unwrap(),
        credential: credential.to_owned(),
        min_ttl: Duration::ZERO,
    }
}

fn keychain(world: &World, file: &str, entries: Vec<KeychainEntry>) -> Keychain {
    let file = Arc::new(world.file(file));
    Keychain::new(entries, Arc::clone(&file) as Arc<dyn CredentialProvider>)
        .with_secrets(file)
        .with_tokens(world.tokens())
}

async fn text(keychain: &Keychain, entry: &str, field: &str) -> String {
    let value = keychain.field(entry, field).await.unwrap().unwrap();
    value.to_text().expose_secret().to_owned()
}

#[tokio::test]
async fn a_token_is_requested_when_its_field_is_used_and_not_when_fields_are_listed() {
    let server = numbering(3600).await;
    let world = World::default();
    let entries = vec![
        entry("api_token", "oauth2", "api"),
        entry("gcp_token", "bearer", "api"),
    ];
    let keychain = keychain(&world, &client(&server), entries);
    let fields = keychain.fields("api_token").await.unwrap();
    assert_eq!(
        fields,
        ["access_token", "client_id", "client_secret", "token_url"]
    );
    assert_eq!(text(&keychain, "api_token", "client_id").await, "me");
    assert!(server.requests().is_empty());
    // All entries with the same credential share its token.
    assert_eq!(
        text(&keychain, "gcp_token", "token").await,
        "token-number-0"
    );
    assert_eq!(
        text(&keychain, "api_token", "access_token").await,
        "token-number-0"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_entry_that_needs_a_longer_life_gets_another_token() {
    let server = numbering(3600).await;
    let world = World::default();
    let mut long = entry("long", "oauth2", "api");
    long.min_ttl = Duration::from_mins(50);
    let keychain = keychain(
        &world,
        &client(&server),
        vec![entry("short", "oauth2", "api"), long],
    );
    assert_eq!(text(&keychain, "short", "token").await, "token-number-0");
    world.pass(Duration::from_secs(1000));
    assert_eq!(text(&keychain, "short", "token").await, "token-number-0");
    assert_eq!(text(&keychain, "long", "token").await, "token-number-1");
}

#[tokio::test]
async fn keys_of_a_profile_are_fields_of_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials");
    std::fs::write(
        &path,
        "[dev]\naws_access_key_id=AK\naws_secret_access_key=secret-key\n",
    )
    .unwrap();
    let world = World::new(&[("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap())]);
    let keychain = keychain(
        &world,
        "credentials: {dev: {type: aws, profile: dev}}",
        vec![entry("aws_cred", "aws", "dev")],
    );
    assert_eq!(text(&keychain, "aws_cred", "access_key").await, "AK");
    assert_eq!(
        text(&keychain, "aws_cred", "secret_key").await,
        "secret-key"
    );
    assert!(
        keychain
            .field("aws_cred", "session_token")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_credential_of_another_type_is_refused_for_an_entry() {
    let world = World::default();
    let keychain = keychain(
        &world,
        "credentials: {db: {type: postgres, host: h}}",
        vec![entry("gcp_token", "bearer", "db")],
    );
    let error = keychain.field("gcp_token", "token").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the credential `db` is of type `postgres`, and the keychain entry `gcp_token` takes `bearer`, \
         `google`, `oauth2` or `generic`"
    );
}

#[tokio::test]
async fn an_entry_of_the_kind_secret_is_a_secret_with_its_fields() {
    let world = World::default();
    let keychain = keychain(
        &world,
        "secrets: {wandb: {api_key: the-api-key}, word: the-word}",
        vec![
            entry("wandb_token", "secret", "wandb"),
            entry("word", "secret", "word"),
        ],
    );
    assert_eq!(
        text(&keychain, "wandb_token", "api_key").await,
        "the-api-key"
    );
    assert_eq!(text(&keychain, "word", "value").await, "the-word");
    assert_eq!(keychain.fields("wandb_token").await.unwrap(), ["api_key"]);
}

#[tokio::test]
async fn a_database_has_the_variables_of_psql() {
    let world = World::default();
    let keychain = keychain(
        &world,
        "credentials: {db: {type: postgres, host: h, port: 5432, user: u, password: p, database: d, sslmode: require}, api: {type: bearer, token: a-token}}",
        vec![entry("warehouse", "credential", "db")],
    );
    let variables = keychain.environment("warehouse").await.unwrap();
    let shown: Vec<_> = variables
        .iter()
        .map(|variable| {
            let value = variable.value.to_text().expose_secret().to_owned();
            (variable.name, value, variable.is_secret)
        })
        .collect();
    let expected = [
        ("PGHOST", "h", false),
        ("PGPORT", "5432", false),
        ("PGUSER", "u", false),
        ("PGPASSWORD", "p", true),
        ("PGDATABASE", "d", false),
        ("PGSSLMODE", "require", false),
    ];
    let expected = expected.map(|(name, value, is_secret)| (name, value.to_owned(), is_secret));
    assert_eq!(shown, expected);
    let error = keychain.environment("api").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the credential `api` is of type `bearer`, and a job takes `postgres`"
    );
}
