//! A server that speaks as much S3 as a fetch needs, and checks every signature by Signature Version 4.
//!
//! It is written after AWS's documentation and shares no code with what signs, so that both cannot be
//! wrong in the same way: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.

use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::bucket::{BucketServer, Tokens};
use super::store::{error, hex, name};
use super::{Request, Response, Store};

pub(crate) const REGION: &str = "us-west-2";
pub(crate) const KEY: &str = "AKIATESTKEY";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+secret";

/// How far a clock may be off.
const MAX_SKEW_SECONDS: i64 = 15 * 60;

/// S3 in one region with one pair of keys.
pub(crate) async fn start() -> BucketServer {
    BucketServer::start(refuse, give).await
}

fn give(store: &Store, request: &Request) -> Response {
    let (bucket, key) = name(request);
    if store.is_denied(&key) {
        return error(403, "AccessDenied", "Access Denied", "");
    }
    if bucket == "archive" {
        let message = "The operation is not valid for the object's storage class";
        return error(
            403,
            "InvalidObjectState",
            message,
            "<StorageClass>GLACIER</StorageClass>",
        );
    }
    if bucket == "elsewhere" {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.";
        return error(301, "PermanentRedirect", message, "")
            .header("x-amz-bucket-region", "eu-central-1");
    }
    let message = |code| match code {
        "NoSuchBucket" => "The specified bucket does not exist",
        "NoSuchKey" => "The specified key does not exist.",
        _ => "At least one of the pre-conditions you specified did not hold",
    };
    match store.get(request) {
        Ok(response) => response.header("x-amz-version-id", "3HL4kqtJvjVBH40Nrjfkd"),
        Err((status, code)) => error(status, code, message(code), ""),
    }
}

/// What speaks against the request, in the order in which S3 looks.
fn refuse(request: &Request, tokens: &Tokens) -> Option<Response> {
    let Some(authorization) = request.headers.get("authorization") else {
        let (bucket, _) = name(request);
        return (bucket != "public").then(|| error(403, "AccessDenied", "Access Denied", ""));
    };
    let claim = Claim::read(authorization)?;
    if claim.key != KEY {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        return Some(error(403, "InvalidAccessKeyId", message, ""));
    }
    if claim.region != REGION {
        let message = format!(
            "The authorization header is malformed; the region '{}' is wrong; expecting '{REGION}'",
            claim.region
        );
        let more = format!("<Region>{REGION}</Region>");
        return Some(error(400, "AuthorizationHeaderMalformed", &message, &more));
    }
    if let Some(token) = request.headers.get("x-amz-security-token") {
        match tokens.get(token) {
            Some(true) => {}
            Some(false) => {
                let message = "The provided token has expired.";
                let more = format!("<Token-0>{token}</Token-0>");
                return Some(error(400, "ExpiredToken", message, &more));
            }
            None => {
                let message = format!("The provided token {token} is malformed");
                return Some(error(400, "InvalidToken", &message, ""));
            }
        }
    }
    let date = request.headers.get("x-amz-date").map_or("", String::as_str);
    let sent = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).unwrap();
    let sent = sent.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    if (Timestamp::now().as_second() - sent.as_second()).abs() > MAX_SKEW_SECONDS {
        let message = "The difference between the request time and the current time is too large.";
        return Some(error(403, "RequestTimeTooSkewed", message, ""));
    }
    for header in ["host", "x-amz-date", "x-amz-content-sha256"] {
        assert!(
            claim.signed.split(';').any(|signed| signed == header),
            "`{header}` is not signed"
        );
    }
    let expected = signature(request, &claim, SECRET);
    (claim.signature != expected).then(|| {
        let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
        // As S3 does: everything that was signed is repeated.
        let more = format!("<StringToSign>{}</StringToSign>", string_to_sign(request, &claim));
        error(403, "SignatureDoesNotMatch", message, &more)
    })
}

/// The content of `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
struct Claim<'request> {
    key: &'request str,
    day: &'request str,
    region: &'request str,
    signed: &'request str,
    signature: &'request str,
}

impl<'request> Claim<'request> {
    fn read(authorization: &'request str) -> Option<Self> {
        let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let part = |name: &str| {
            let mut parts = parts.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name))
        };
        let mut scope = part("Credential=")?.split('/');
        let (key, day, region) = (scope.next()?, scope.next()?, scope.next()?);
        assert_eq!(
            (scope.next(), scope.next()),
            (Some("s3"), Some("aws4_request"))
        );
        Some(Self {
            key,
            day,
            region,
            signed: part("SignedHeaders=")?,
            signature: part("Signature=")?,
        })
    }
}

fn string_to_sign(request: &Request, claim: &Claim<'_>) -> String {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let signed = claim.signed.split(';');
    let headers: Vec<_> = signed
        .map(|name| format!("{name}:{}\n", request.headers[name]))
        .collect();
    let headers = headers.concat();
    // The path as it was sent: S3 alone does not escape it once more.
    let canonical = format!(
        "{}\n{path}\n{query}\n{headers}\n{}\n{}",
        request.method, claim.signed, request.headers["x-amz-content-sha256"]
    );
    format!(
        "AWS4-HMAC-SHA256\n{}\n{}/{}/s3/aws4_request\n{}",
        request.headers["x-amz-date"],
        claim.day,
        claim.region,
        hex(&Sha256::digest(canonical))
    )
}

fn signature(request: &Request, claim: &Claim<'_>, secret: &str) -> String {
    let keyed = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes()
    };
    let key = keyed(format!("AWS4{secret}").as_bytes(), claim.day);
    let key = keyed(&key, claim.region);
    let key = keyed(&key, "s3");
    let key = keyed(&key, "aws4_request");
    hex(&keyed(&key, &string_to_sign(request, claim)))
}

#[test]
fn the_test_server_computes_the_signature_of_the_example_in_the_documentation() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let headers = [
        ("host", "examplebucket.s3.amazonaws.com"),
        ("range", "bytes=0-9"),
        ("x-amz-content-sha256", empty),
        ("x-amz-date", "20130524T000000Z"),
    ];
    let request = Request {
        method: "GET".to_owned(),
        target: "/test.txt".to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let claim = Claim {
        key: "AKIAIOSFODNN7EXAMPLE",
        day: "20130524",
        region: "us-east-1",
        signed: "host;range;x-amz-content-sha256;x-amz-date",
        signature: "",
    };
    assert_eq!(
        signature(&request, &claim, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
}
