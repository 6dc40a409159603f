use super::*;
use crate::capability::{FetchOptions, FetchPolicy, FetchRule, OpenedSecrets, Reason};

const FILE: &str = "\
credentials:
  plain: {type: bearer, token: a-plain-token}
  login: {type: basic, username: ada, password: a-password}
  db: {type: postgres, host: h, password: a-password}
  s3: {type: aws, access_key_id: AK, secret_access_key: secret-key}
  gcs: {type: google, access_token: a-google-token}
  any: {type: generic, token: a-generic-token}
";

#[tokio::test]
async fn a_credential_opens_only_the_services_of_its_type() {
    let access = World::default().access(FILE);
    for (service, name, opens) in [
        (Service::Http, "plain", true),
        (Service::Http, "login", true),
        (Service::Http, "gcs", true),
        (Service::Http, "s3", false),
        (Service::Http, "any", false),
        (Service::Gcs, "gcs", true),
        (Service::Gcs, "plain", true),
        (Service::Gcs, "s3", false),
        (Service::Gcs, "db", false),
        (Service::S3, "s3", true),
        (Service::S3, "gcs", false),
        (Service::S3, "login", false),
    ] {
        let opened = open(&access, service, name).await;
        assert_eq!(opened.is_ok(), opens, "{service:?} {name}");
    }
    let error = open(&access, Service::Gcs, "db").await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::CredentialMissing);
    assert_eq!(
        error.explanation.message,
        "the credential `db` is of type `postgres`, and `gs://` takes `google`, `bearer` or `oauth2`"
    );
}

#[tokio::test]
async fn an_unknown_credential_is_named_with_what_was_meant() {
    let access = World::default().access(FILE);
    let error = open(&access, Service::Http, "pain").await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::CredentialMissing);
    assert_eq!(
        error.explanation.message,
        "the credential `pain` is not defined"
    );
    assert_eq!(
        error.explanation.hint_text().as_deref(),
        Some("did you mean `plain`?")
    );
}

const BOUND: &str = "\
credentials:
  stated: {type: bearer, token: a-plain-token, hosts: [api.example, 'http://10.0.0.1:8080/v1/']}
  text: {type: oauth2, token_url: 'http://h/', client_id: me, client_secret: a-client-secret, access_token: x, hosts: {env: HOSTS}}
  unstated: {type: basic, username: ada, password: a-password}
  gcs: {type: google, access_token: a-google-token}
  more: {type: google, access_token: a-google-token, hosts: [x.run.app]}
  s3: {type: aws, access_key_id: AK, secret_access_key: secret-key, endpoint: 'http://minio:9000'}
";

#[tokio::test]
async fn a_credential_is_for_the_servers_of_its_type_and_those_that_it_names() {
    let world = World::new(&[("HOSTS", "https://a.example/ https://b.example/")]);
    let file = BOUND.replace(", access_token: x", "");
    let server = numbering(3600).await;
    let file = file.replace("http://h/", server.url("/token").as_str());
    let access = world.access(&file);
    let everything = FetchPolicy::of([FetchRule::default()]);
    let sent_to = async |service, name: &str, url: &str| {
        let access = open(&access, service, name).await.unwrap();
        let url = url.parse().unwrap();
        everything.check_access(&access, &url, true).is_ok()
    };
    for (service, name, url, expected) in [
        (Service::Http, "stated", "https://api.example/x", true),
        (Service::Http, "stated", "http://api.example/x", false),
        (Service::Http, "stated", "http://10.0.0.1:8080/v1/x", true),
        (Service::Http, "stated", "http://10.0.0.1:8080/v2/x", false),
        (Service::Http, "text", "https://b.example/x", true),
        (Service::Http, "text", "https://c.example/x", false),
        (Service::Http, "unstated", "https://api.example/x", false),
        (
            Service::Gcs,
            "gcs",
            "https://storage.googleapis.com/b/k",
            true,
        ),
        (
            Service::Gcs,
            "gcs",
            "http://storage.googleapis.com/b/k",
            false,
        ),
        (Service::Http, "gcs", "https://docs.google.com/x", true),
        (Service::Http, "gcs", "https://google.com.evil/x", false),
        (Service::Http, "gcs", "https://x.run.app/x", false),
        (Service::Http, "more", "https://x.run.app/x", true),
        (
            Service::Gcs,
            "more",
            "https://storage.googleapis.com/b/k",
            true,
        ),
        (
            Service::S3,
            "s3",
            "https://b.s3.eu-west-1.amazonaws.com/k",
            true,
        ),
        (
            Service::S3,
            "s3",
            "https://s3.cn-north-1.amazonaws.com.cn/b/k",
            true,
        ),
        (Service::S3, "s3", "http://minio:9000/b/k", true),
        (Service::S3, "s3", "http://minio/b/k", false),
        (Service::S3, "s3", "https://amazonaws.com.evil/b/k", false),
    ] {
        assert_eq!(sent_to(service, name, url).await, expected, "{name} {url}");
    }
}

#[tokio::test]
async fn invalid_hosts_are_refused_and_not_quoted() {
    for hosts in [
        "5",
        "a-plain-token/5678",
        "['https:']",
        "[gs://b]",
        "[[]]",
        "[a b]",
    ] {
        let text = format!("credentials:\n  api: {{type: bearer, token: a, hosts: {hosts}}}\n");
        let document = Document::parse_confidential("credentials.yaml", &text).unwrap();
        let problems = CredentialsFile::parse(&document, Path::new(""))
            .err()
            .unwrap();
        let message = problems[0].message();
        assert!(message.starts_with("invalid `hosts` of credential `api`: "));
        assert!(!message.contains("5678"), "{message}");
        assert_eq!(
            problems[0].location().as_deref(),
            Some("credentials.yaml:2:40")
        );
    }
    let world = World::new(&[("HOSTS", "https://a-plain-token-5678@x/")]);
    let access = world.access("credentials: {api: {type: bearer, token: a, hosts: {env: HOSTS}}}");
    let error = open(&access, Service::Http, "api").await.unwrap_err();
    assert_eq!(error.explanation.reason, Reason::CredentialMissing);
    assert!(
        error.explanation.message.contains("has invalid `hosts`")
            && !error.explanation.message.contains("5678")
    );
}

#[tokio::test]
async fn the_credentials_of_the_machine_are_only_for_its_cloud() {
    let access =
        World::new(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]).access(FILE);
    let given = access.access(&AccessRequest::new(Service::S3, None)).await;
    let given = given.unwrap();
    let policy = FetchPolicy::default();
    for (url, expected) in [
        ("https://b.s3.us-east-1.amazonaws.com/k", true),
        ("https://evil.example/b/k", false),
    ] {
        let checked = policy.check_access(&given, &url.parse().unwrap(), true);
        assert_eq!(checked.is_ok(), expected, "{url}");
    }
}

/// Records the secrets that it receives.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl OpenedSecrets for Heard {
    fn remember(&self, secret: &str) {
        self.0.lock().unwrap().push(secret.to_owned());
    }
}

#[tokio::test]
async fn every_secret_of_a_credential_is_reported_before_it_is_used() {
    let world = World::default();
    let server = numbering(3600).await;
    let file = [
        FILE,
        "  api: {type: oauth2, token_url: '",
        server.url("/token").as_str(),
        "', client_id: me, client_secret: hunter2-client, refresh_token: hunter2-refresh}\n",
    ]
    .concat();
    let access = world.access(&file);
    for (service, name, expected) in [
        (Service::Http, "plain", &["a-plain-token"][..]),
        (Service::Http, "login", &["a-password", "ada:a-password"]),
        (Service::S3, "s3", &["secret-key"]),
        (
            Service::Http,
            "api",
            &["hunter2-client", "hunter2-refresh", "token-number-0"],
        ),
    ] {
        let heard = Arc::new(Heard::default());
        let mut options = FetchOptions::default();
        options.policy = Arc::new(FetchPolicy::everything());
        options.endpoint = Some("https://h.example/".to_owned());
        options.opened = Some(Arc::clone(&heard) as Arc<dyn OpenedSecrets>);
        let opened = open(&access, service, name).await.unwrap();
        options
            .release(&opened, &"https://h.example/".parse().unwrap())
            .unwrap();
        let mut told = heard.0.lock().unwrap().clone();
        told.sort();
        told.dedup();
        assert_eq!(told, expected, "{name}");
    }
}

#[tokio::test]
async fn http_without_a_credential_is_anonymous() {
    let access =
        World::new(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]).access(FILE);
    let given = access
        .access(&AccessRequest::new(Service::Http, None))
        .await
        .unwrap();
    assert!(matches!(given.authorization, Authorization::Anonymous));
}

#[tokio::test]
async fn credentials_are_not_printed() {
    let world = World::default();
    let access = world.access(FILE);
    let mut shown = format!("{access:?} {:?} {:?}", world.tokens(), world.machine());
    for (service, name) in [
        (Service::Http, "plain"),
        (Service::Http, "login"),
        (Service::S3, "s3"),
    ] {
        let opened = open(&access, service, name).await.unwrap();
        shown = format!("{shown} {opened:?}");
    }
    for secret in ["a-plain-token", "a-password", "secret-key"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// A provider that counts, with another token each time.
#[derive(Default)]
struct Counting {
    asked: Mutex<usize>,
}

#[async_trait::async_trait]
impl SecretProvider for Counting {
    async fn secret(&self, _: &str) -> Result<Option<SecretValue>, CredentialError> {
        Ok(None)
    }

    fn secret_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Counting {
    async fn credential(&self, _: &str) -> Result<Option<Credential>, CredentialError> {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        let token = SecretValue::new(Value::String(format!("token-{asked}")));
        Ok(Some(Credential {
            kind: CredentialType::Bearer,
            fields: BTreeMap::from([("token".to_owned(), token)]),
        }))
    }

    fn credential_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_refused_token_of_a_provider_is_fetched_again_once() {
    let world = World::default();
    let counting = Arc::new(Counting::default());
    let provider = Arc::clone(&counting) as Arc<dyn Provider>;
    let remembered = Arc::new(Remembered::new(provider, world.machine()));
    let access = CredentialAccess::new(remembered, world.tokens());
    let request = AccessRequest::new(Service::Http, Some("api"));
    let first = access.access(&request).await.unwrap();
    assert_eq!(token(&first), "token-1");
    for _ in 0..10 {
        access.refuse(&request, &first).await;
        assert_eq!(token(&access.access(&request).await.unwrap()), "token-2");
    }
    assert_eq!(*counting.asked.lock().unwrap(), 2);
}
