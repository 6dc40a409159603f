use http::HeaderMap;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use secrecy::{ExposeSecret as _, SecretString};

use super::answer::is_region;
use super::endpoint::Endpoint;
use super::name::ObjectName;
use super::protocol::{Protocol, Question, named_endpoint, refuse};
use crate::capability::{
    Access, Authorization, AwsKeys, CapabilityError, FetchOptions, Reason, Service,
};

/// The protocol of Amazon S3, which many servers speak.
#[derive(Debug, Clone, Copy)]
pub(super) struct S3;

/// What AWS's own tools take where nobody says anything.
const DEFAULT_REGION: &str = "us-east-1";

impl Protocol for S3 {
    const SERVICE: Service = Service::S3;
    const SCHEME: &'static str = "s3";
    const VERSION_HEADER: &'static str = "x-amz-version-id";

    fn check(&self, options: &FetchOptions) -> Result<(), CapabilityError> {
        refuse(
            "an object of S3",
            &[
                ("method", options.method.is_some()),
                ("headers", !options.headers.is_empty()),
            ],
        )
    }

    fn question(
        &self,
        name: &ObjectName,
        options: &FetchOptions,
        access: &Access,
    ) -> Result<Question, CapabilityError> {
        let region = options.region.as_deref().or(access.region.as_deref());
        let region = region.unwrap_or(DEFAULT_REGION);
        if !is_region(region) {
            let message = format!("`{region}` is no name of a region");
            return Err(CapabilityError::new(Reason::InvalidRequest, message)
                .with_hint("regions are called like `us-east-1`")
                .with_field("script.source.region"));
        }
        let (named, place_field) = named_endpoint(options, access)?;
        let (endpoint, in_path) = match named {
            Some(named) => (named, access.path_style.unwrap_or(true)),
            None => (
                Endpoint::of_host(amazon(region)),
                access.path_style.unwrap_or_else(|| !name.fits_a_host()),
            ),
        };
        let key = name.escaped_key();
        let url = if in_path {
            endpoint.in_path(&name.bucket, &key)
        } else {
            endpoint.in_host(&name.bucket, &key)
        };
        Ok(Question {
            url,
            headers: HeaderMap::new(),
            region: Some(region.to_owned()),
            endpoint: endpoint.to_string(),
            place_field,
        })
    }

    fn authorize(&self, question: &mut Question, access: &Access) -> Result<(), CapabilityError> {
        match &access.authorization {
            Authorization::Anonymous => Ok(()),
            Authorization::Aws(keys) => sign(question, keys, access),
            Authorization::Bearer(_) | Authorization::Basic { .. } => {
                let message = format!("{} has no keys that open S3", access.origin);
                Err(CapabilityError::new(Reason::CredentialMissing, message)
                    .with_hint(
                        "name one of the type `aws`, with `access_key_id` and `secret_access_key`",
                    )
                    .with_field("script.source.auth"))
            }
        }
    }
}

/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>; regions of China have a domain of their own.
fn amazon(region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("s3.{region}.{domain}")
}

/// Signs by Signature Version 4 what the question is, with the headers that it has so far.
fn sign(question: &mut Question, keys: &AwsKeys, access: &Access) -> Result<(), CapabilityError> {
    let secret = keys.secret_access_key.expose_secret();
    let token = keys.session_token.as_ref().map(SecretString::expose_secret);
    // The signer panics where a key cannot stand in a header.
    let fits = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    let broken = [
        ("access_key_id", !fits(&keys.access_key_id)),
        ("secret_access_key", secret.is_empty()),
        ("session_token", token.is_some_and(|token| !fits(token))),
    ];
    if let Some((name, _)) = broken.into_iter().find(|(_, is_broken)| *is_broken) {
        let message = format!(
            "`{name}` of {} is empty, or has a space, a line's end or another character that no key has",
            access.origin
        );
        return Err(CapabilityError::new(Reason::CredentialMissing, message)
            .with_hint("copy the key again")
            .with_field("script.source.auth"));
    }
    let credential = AwsCredential {
        key_id: keys.access_key_id.clone(),
        secret_key: secret.to_owned(),
        token: token.map(str::to_owned),
    };
    let failed = |what: &dyn std::fmt::Display| {
        let message = format!("cannot sign the request for `{}`: {what}", question.url);
        CapabilityError::new(Reason::Internal, message)
    };
    let body = HttpRequestBody::from(Vec::new());
    let mut request: HttpRequest = http::Request::get(&question.url)
        .body(body)
        .map_err(|error| failed(&error))?;
    *request.headers_mut() = question.headers.clone();
    let region = question.region.as_deref().unwrap_or(DEFAULT_REGION);
    AwsAuthorizer::new(&credential, "s3", region)
        .try_authorize(&mut request, None)
        .map_err(|error| failed(&error))?;
    let (parts, _) = request.into_parts();
    question.headers = parts.headers;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(uri: &str, options: &FetchOptions, access: &Access) -> Question {
        let name = ObjectName::parse(uri, S3::SCHEME).unwrap();
        S3.question(&name, options, access).unwrap()
    }

    fn nothing() -> Access {
        Access::new(Authorization::Anonymous, "a test")
    }

    #[test]
    fn the_bucket_is_part_of_the_hosts_name_where_a_certificate_covers_it() {
        for (uri, region, url) in [
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
            assert_eq!(question(uri, &options, &nothing()).url, url);
        }
    }

    #[test]
    fn the_bucket_stands_in_the_path_of_another_server_unless_the_credential_says_otherwise() {
        let mut options = FetchOptions::default();
        options.endpoint = Some("http://store:9000/s3/".to_owned());
        for (path_style, url) in [
            (None, "http://store:9000/s3/b/a"),
            (Some(true), "http://store:9000/s3/b/a"),
            (Some(false), "http://b.store:9000/s3/a"),
        ] {
            let mut access = nothing();
            access.path_style = path_style;
            access.endpoint = Some("https://not-this-one".to_owned());
            assert_eq!(question("s3://b/a", &options, &access).url, url);
        }
    }

    #[test]
    fn a_signature_covers_the_part_that_is_asked_for_and_the_token() {
        let keys = AwsKeys {
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "secret".into(),
            session_token: Some("token".into()),
        };
        let access = Access::new(Authorization::Aws(keys), "a test");
        let mut question = question("s3://b/a", &FetchOptions::default(), &access);
        let range = http::HeaderValue::from_static("bytes=5-");
        question.headers.insert(http::header::RANGE, range);
        S3.authorize(&mut question, &access).unwrap();
        let authorization = question.headers[http::header::AUTHORIZATION]
            .to_str()
            .unwrap();
        assert!(
            authorization.contains(
                "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token,"
            ),
            "{authorization}"
        );
        assert_eq!(question.headers["x-amz-security-token"], "token");
    }
}
