use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::*;

/// A key that was created for this test and opens nothing.
const PRIVATE_KEY: &str = include_str!("service_account_key.pem");

fn service_account(token_uri: &str) -> Value {
    serde_json::json!({
        "type": "service_account",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key": PRIVATE_KEY,
        "private_key_id": "key-1",
        "token_uri": token_uri,
    })
}

fn authorized_user(token_uri: &str) -> Value {
    serde_json::json!({
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "secret-of-gcloud",
        "refresh_token": "refresh-of-gcloud",
        "token_uri": token_uri,
    })
}

/// Returns the claims of an assertion with a valid signature.
fn verified(assertion: &str) -> (Value, Value) {
    let (message, signature) = assertion.rsplit_once('.').unwrap();
    let key = PrivatePkcs8KeyDer::from_pem_slice(PRIVATE_KEY.as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    public.verify(message.as_bytes(), &signature).unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let parsed = |text| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    (parsed(header), parsed(claims))
}

#[tokio::test]
async fn a_service_account_signs_its_assertion() {
    let server = numbering(3599).await;
    let url = server.url("/token");
    let key = service_account(url.as_str());
    let access = World::default().access(&format!(
        "credentials: {{gcs: {{type: google, service_account: {key}, endpoint: 'http://storage'}}}}"
    ));
    let given = open(&access, Service::Gcs, "gcs").await.unwrap();
    assert_eq!(token(&given), "token-number-0");
    assert_eq!(given.endpoint.as_deref(), Some("http://storage"));
    let sent = form(&server.requests()[0]);
    assert_eq!(
        sent["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let (header, claims) = verified(&sent["assertion"]);
    assert_eq!(
        header,
        serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"})
    );
    let issued = NOW.as_secs() - 10;
    let expected = serde_json::json!({
        "iss": "robot@project.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": url.as_str(),
        "iat": issued,
        "exp": issued + 3600,
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn the_scopes_are_those_of_the_credential() {
    let server = numbering(3599).await;
    let key = service_account(server.url("/").as_str());
    let access = World::default().access(&format!(
        "credentials: {{gcs: {{type: google, service_account: {key}, scopes: [a, b]}}}}"
    ));
    open(&access, Service::Gcs, "gcs").await.unwrap();
    let (_, claims) = verified(&form(&server.requests()[0])["assertion"]);
    assert_eq!(claims["scope"], "a b");
}

#[tokio::test]
async fn an_authorized_user_refreshes() {
    let server = numbering(3599).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("user.json");
    std::fs::write(&path, authorized_user(server.url("/").as_str()).to_string()).unwrap();
    let access = World::default().access(&format!(
        "credentials: {{gcs: {{type: google, authorized_user_file: '{}'}}}}",
        path.display()
    ));
    assert_eq!(
        token(&open(&access, Service::Gcs, "gcs").await.unwrap()),
        "token-number-0"
    );
    let sent = form(&server.requests()[0]);
    assert_eq!(sent["refresh_token"], "refresh-of-gcloud");
    assert_eq!(sent["client_secret"], "secret-of-gcloud");
}

#[tokio::test]
async fn a_key_that_was_revoked_is_an_expired_credential() {
    let server = Server::start(|_, _| {
        Answer::new(400).body(
            r#"{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}"#,
        )
    })
    .await;
    let key = authorized_user(server.url("/").as_str());
    let access = World::default().access(&format!(
        "credentials: {{gcs: {{type: google, authorized_user: {key}}}}}"
    ));
    let error = open(&access, Service::Gcs, "gcs").await.unwrap_err();
    assert_eq!(
        error.explanation.reason,
        crate::capability::Reason::CredentialExpired
    );
    assert!(
        error
            .explanation
            .message
            .ends_with("status 400, invalid_grant (Token has been expired or revoked.)"),
        "{}",
        error.explanation.message
    );
}

#[tokio::test]
async fn the_application_default_is_the_environments_file_then_gclouds_then_the_metadata_server() {
    let server = Server::start(|count, received| {
        if received.method == "GET" {
            assert_eq!(received.header("metadata-flavor"), Some("Google"));
            assert!(received.target.starts_with(
                "/computeMetadata/v1/instance/service-accounts/default/token?scopes="
            ));
        }
        given(&format!("token-{count}-{}", received.method), 3599)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    std::fs::write(&key, service_account(server.url("/").as_str()).to_string()).unwrap();
    let gcloud = folder.path().join(".config/gcloud");
    std::fs::create_dir_all(&gcloud).unwrap();
    let user = gcloud.join("application_default_credentials.json");
    std::fs::write(&user, authorized_user(server.url("/").as_str()).to_string()).unwrap();

    let ambient = AccessRequest::new(Service::Gcs, None);
    let world = World::new(&[
        ("HOME", folder.path().to_str().unwrap()),
        ("GOOGLE_APPLICATION_CREDENTIALS", key.to_str().unwrap()),
        ("GCE_METADATA_HOST", server.url("").authority()),
    ]);
    let given = world.access("").access(&ambient).await.unwrap();
    assert_eq!(token(&given), "token-0-POST");
    assert!(given.origin.contains("GOOGLE_APPLICATION_CREDENTIALS"));
    assert!(form(&server.requests()[0]).contains_key("assertion"));

    world.set("GOOGLE_APPLICATION_CREDENTIALS", "");
    assert_eq!(
        token(&world.access("").access(&ambient).await.unwrap()),
        "token-1-POST"
    );
    assert!(form(&server.requests()[1]).contains_key("refresh_token"));

    world.set("HOME", "/nonexistent");
    assert_eq!(
        token(&world.access("").access(&ambient).await.unwrap()),
        "token-2-GET"
    );
    // A credential without a key has the same meaning.
    let access = world.access("credentials: {adc: {type: google}}");
    assert_eq!(
        token(&open(&access, Service::Gcs, "adc").await.unwrap()),
        "token-3-GET"
    );
}

#[tokio::test]
async fn a_missing_metadata_server_is_asked_once() {
    let port = crate::http::tests::server::closed_port().await;
    let world = World::new(&[("GCE_METADATA_HOST", &format!("127.0.0.1:{port}"))]);
    let access = world.access("");
    for _ in 0..3 {
        let given = access
            .access(&AccessRequest::new(Service::Gcs, None))
            .await
            .unwrap();
        assert!(matches!(given.authorization, Authorization::Anonymous));
        assert!(
            given
                .origin
                .starts_with("no credential: neither `GOOGLE_APPLICATION_CREDENTIALS`")
        );
    }
    // A server that appears later is not asked.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    access
        .access(&AccessRequest::new(Service::Gcs, None))
        .await
        .unwrap();
    let accepted = listener.accept();
    tokio::pin!(accepted);
    assert!(futures_util::poll!(&mut accepted).is_pending());
}

#[tokio::test]
async fn a_machine_outside_of_a_cloud_sends_no_request() {
    let given = World::default()
        .access("")
        .access(&AccessRequest::new(Service::Gcs, None))
        .await;
    assert!(matches!(
        given.unwrap().authorization,
        Authorization::Anonymous
    ));
}

#[tokio::test]
async fn errors_of_a_key_are_reported_without_the_key() {
    for (key, expected) in [
        (
            r#"{"type": "service_account", "client_email": "a@b"}"#,
            "has no `private_key` in its key",
        ),
        (
            r#"{"type": "service_account", "client_email": "a@b", "private_key": "hunter2"}"#,
            "has a `private_key` that is not an RSA key in PEM",
        ),
        (
            r#"{"type": "external_account", "x": "hunter2"}"#,
            "federated identity",
        ),
        (
            r#"{"type": "impersonated_service_account", "x": "hunter2"}"#,
            "impersonates a service account, which is not supported",
        ),
        (
            r#"{"type": "hunter2"}"#,
            "neither `service_account` nor `authorized_user`",
        ),
    ] {
        let access = World::default().access(&format!(
            "credentials: {{gcs: {{type: google, service_account: '{key}'}}}}"
        ));
        let error = open(&access, Service::Gcs, "gcs").await.unwrap_err();
        assert!(
            error.explanation.message.contains(expected),
            "{}",
            error.explanation.message
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
