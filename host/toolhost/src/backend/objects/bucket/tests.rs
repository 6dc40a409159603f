//! The requests of stores.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::{HeaderMap, header};
use object_store::client::{
    self, HttpConnector, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientOptions, GetOptions, GetRange, ObjectStore as _};

use super::gcs::Gcs;
use super::name::ObjectName;
use super::protocol::Protocol;
use super::s3::S3;
use crate::capability::{Access, Authorization, AwsKeys, FetchOptions, Reason};

/// Records requests, and returns no answer.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<(String, HeaderMap)>>>);

impl HttpConnector for Recorder {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<client::HttpClient> {
        Ok(client::HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Recorder {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, client::HttpError> {
        let (parts, _) = request.into_parts();
        let sent = (parts.uri.to_string(), parts.headers);
        self.0.lock().unwrap().push(sent);
        let nothing = std::io::Error::other("no answer");
        // An error of a kind that a store retries by default.
        Err(client::HttpError::new(HttpErrorKind::Connect, nothing))
    }
}

/// Returns the only request for an object.
async fn sent(
    protocol: impl Protocol,
    uri: &str,
    options: &FetchOptions,
    access: &Access,
    get: GetOptions,
) -> (String, HeaderMap) {
    let scheme = if uri.starts_with("gs:") { "gs" } else { "s3" };
    let name = ObjectName::parse(uri, scheme).unwrap();
    let recorder = Recorder::default();
    let located = protocol.locate(&name, options, access, recorder.clone());
    let located = located.unwrap();
    located
        .store
        .get_opts(&located.path, get)
        .await
        .unwrap_err();
    let mut sent = std::mem::take(&mut *recorder.0.lock().unwrap());
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0)
}

async fn url(
    protocol: impl Protocol,
    uri: &str,
    options: &FetchOptions,
    access: &Access,
) -> String {
    sent(protocol, uri, options, access, GetOptions::default())
        .await
        .0
}

fn nothing() -> Access {
    Access::new(Authorization::Anonymous, "a test")
}

fn at(endpoint: &str) -> FetchOptions {
    let mut options = FetchOptions::default();
    options.endpoint = Some(endpoint.to_owned());
    options
}

#[tokio::test]
async fn the_bucket_is_part_of_the_hosts_name_where_a_certificate_covers_it() {
    for (uri, region, expected) in [
        (
            "s3://b/a b",
            None,
            "https://b.s3.us-east-1.amazonaws.com/a%20b",
        ),
        (
            "s3://b/a//b",
            Some("eu-west-1"),
            "https://b.s3.eu-west-1.amazonaws.com/a//b",
        ),
        (
            "s3://my.b/a",
            None,
            "https://s3.us-east-1.amazonaws.com/my.b/a",
        ),
        (
            "s3://My_B/a",
            None,
            "https://s3.us-east-1.amazonaws.com/My_B/a",
        ),
        (
            "s3://b/a",
            Some("cn-north-1"),
            "https://b.s3.cn-north-1.amazonaws.com.cn/a",
        ),
    ] {
        let mut options = FetchOptions::default();
        options.region = region.map(str::to_owned);
        assert_eq!(url(S3, uri, &options, &nothing()).await, expected);
    }
}

#[tokio::test]
async fn the_bucket_is_in_the_path_of_another_server_unless_the_credential_is_configured_otherwise()
{
    for (path_style, expected) in [
        (None, "http://store:9000/s3/b/a"),
        (Some(true), "http://store:9000/s3/b/a"),
        (Some(false), "http://b.store:9000/s3/a"),
    ] {
        let mut access = nothing();
        access.path_style = path_style;
        access.endpoint = Some("https://not-this-one".to_owned());
        let options = at("http://store:9000/s3/");
        assert_eq!(url(S3, "s3://b/a", &options, &access).await, expected);
    }
}

#[tokio::test]
async fn every_part_of_a_key_is_sent_whatever_is_between_its_slashes() {
    let decoded = |url: &str| {
        percent_encoding::percent_decode_str(url)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    for key in [
        "a",
        "a/b",
        "a/b/c.py",
        "/a",
        "a/",
        "a//b",
        "//",
        "a///",
        "a%20b/c%2Fd/e%2F",
        "größe/日本/.../x y+z?#&=.py",
        "a\\b{}^`[]\"<>|~*/a\\b{}^`[]\"<>|~*/a\\b{}^`[]\"<>|~*",
    ] {
        let expected = format!("http://store:9000/b/{key}");
        let options = at("http://store:9000");
        let s3 = url(S3, &format!("s3://b/{key}"), &options, &nothing()).await;
        assert_eq!(decoded(&s3), expected, "{s3}");
        let gcs = url(Gcs, &format!("gs://b/{key}"), &options, &nothing()).await;
        assert_eq!(decoded(&gcs), expected, "{gcs}");
        for url in [s3, gcs] {
            assert_eq!(
                url.matches('/').count(),
                expected.matches('/').count(),
                "{url}"
            );
        }
    }
}

#[tokio::test]
async fn a_signature_covers_the_requested_range_and_the_token() {
    let keys = AwsKeys {
        access_key_id: "AKIA".to_owned(),
        secret_access_key: "secret".into(),
        session_token: Some("token".into()),
    };
    let access = Access::new(Authorization::Aws(keys), "a test");
    let get = GetOptions {
        range: Some(GetRange::Offset(5)),
        if_match: Some("\"tag\"".to_owned()),
        ..GetOptions::default()
    };
    let (_, headers) = sent(S3, "s3://b/a", &FetchOptions::default(), &access, get).await;
    let authorization = headers[header::AUTHORIZATION].to_str().unwrap();
    assert!(
        authorization.contains(
            "SignedHeaders=host;if-match;range;x-amz-content-sha256;x-amz-date;x-amz-security-token,"
        ),
        "{authorization}"
    );
    assert_eq!(headers["x-amz-security-token"], "token");
    assert_eq!(headers[header::RANGE], "bytes=5-");
}

#[test]
fn an_address_that_a_store_would_panic_at_is_refused() {
    let name = ObjectName::parse("s3://b/a", "s3").unwrap();
    let mut access = nothing();
    access.path_style = Some(false);
    // The bucket in front of an address is not a host's name.
    let options = at("http://[::1]:80");
    let located = S3.locate(&name, &options, &access, Recorder::default());
    let error = located.err().unwrap();
    assert_eq!(error.explanation.reason, Reason::InvalidRequest, "{error}");
    assert_eq!(error.explanation.field_text().as_deref(), Some("endpoint"));
}
