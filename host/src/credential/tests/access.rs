use super::*;
use crate::capability::Reason;

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
async fn a_credential_opens_the_services_of_its_type_alone() {
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
    assert_eq!(error.reason, Reason::CredentialMissing);
    assert_eq!(
        error.message,
        "the credential `db` is of type `postgres`, and `gs://` takes `google` or `bearer` or `oauth2`"
    );
}

#[tokio::test]
async fn an_unknown_credential_is_named_with_what_was_meant() {
    let access = World::default().access(FILE);
    let error = open(&access, Service::Http, "pain").await.unwrap_err();
    assert_eq!(error.reason, Reason::CredentialMissing);
    assert_eq!(error.message, "the credential `pain` is not defined");
    assert_eq!(error.hint.as_deref(), Some("did you mean `plain`?"));
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
async fn nothing_of_it_is_printed() {
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
async fn a_token_that_stands_elsewhere_is_fetched_again_once_when_it_is_refused() {
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
