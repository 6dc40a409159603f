//! The servers that a credential may be sent to.

use serde_json::Value;

use super::kind::HOSTS_FIELD;
use super::{Credential, CredentialError, CredentialType};
use crate::capability::{Audience, FetchPattern};

/// The expected form of `hosts`.
pub(super) const EXPECTED_SERVERS: &str = "expected a list of servers, such as `api.example.com`, `*.example.com` or `http://10.0.0.1:8080/`";

/// Returns the servers that the credential is for: those of its type, and those in its `hosts`.
///
/// # Errors
///
/// [`CredentialError::Malformed`] where `hosts` is not a list of servers.
pub(super) fn audience(owner: &str, credential: &Credential) -> Result<Audience, CredentialError> {
    let own = own_audience(credential.kind);
    let Some(hosts) = credential.fields.get(HOSTS_FIELD) else {
        return Ok(own);
    };
    let stated = servers(hosts.expose());
    stated.map(|stated| own.stating(stated)).ok_or_else(|| {
        CredentialError::malformed(owner, format!("has invalid `hosts`: {EXPECTED_SERVERS}"))
    })
}

/// Returns the servers that every credential of the type is for.
pub(super) fn own_audience(kind: CredentialType) -> Audience {
    let own = kind.own_servers().iter();
    // All of them are patterns, as a test asserts.
    Audience::of_service(own.filter_map(|server| FetchPattern::of_server(server).ok()))
}

/// Returns the patterns of a list, or of a text with spaces between them; none where one of them is not a server. The
/// invalid part is not quoted: it may be a secret in the wrong place.
pub(super) fn servers(hosts: &Value) -> Option<Vec<FetchPattern>> {
    let texts: Vec<&str> = match hosts {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(items) => items.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let patterns = texts.into_iter().map(FetchPattern::of_server);
    patterns.collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_server_of_a_type_is_a_pattern() {
        for kind in CredentialType::ALL {
            for server in kind.own_servers() {
                FetchPattern::of_server(server).unwrap();
            }
        }
    }

    #[test]
    fn lists_and_texts_are_read() {
        let expected = ["https://a.example/", "http://b.example:8080/"];
        let expected = expected.map(|text| FetchPattern::of_server(text).unwrap());
        for hosts in [
            json!(["https://a.example/", "http://b.example:8080/"]),
            json!("https://a.example/ http://b.example:8080/"),
        ] {
            assert_eq!(servers(&hosts).unwrap(), expected);
        }
        assert_eq!(servers(&json!([])).unwrap(), []);
        for wrong in [
            json!(5),
            json!([5]),
            json!({"a": 1}),
            json!(["https:"]),
            json!(["gs://b"]),
        ] {
            assert!(servers(&wrong).is_none(), "{wrong}");
        }
    }
}
