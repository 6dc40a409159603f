//! Checks whether a credential may be sent to a server.

use url::Url;

use super::urls::{parse_url, server_of};
use super::{Access, CapabilityError, Reason};

/// Checks that a credential may be sent to the server at `url`.
///
/// `names_endpoint` is whether the request names the server by `endpoint`.
pub(super) fn check(
    access: &Access,
    url: &Url,
    is_trusted: bool,
    names_endpoint: bool,
) -> Result<(), CapabilityError> {
    let audience = &access.audience;
    let is_chosen = is_trusted && !audience.is_stated && (names_endpoint || audience.is_unstated());
    if is_chosen || audience.holds(url) || is_own_endpoint(access, url) {
        return Ok(());
    }
    let (origin, server) = (&access.origin, server_of(url));
    let message = if audience.is_unstated() {
        format!("{origin} does not say which servers it is for, and so is not sent to `{server}`")
    } else {
        format!("{origin} is not for `{server}`")
    };
    let hint = format!("if it is, add to the credential: `hosts: [\"{server}\"]`");
    Err(CapabilityError::new(Reason::Denied, message).with_hint(hint))
}

/// Whether the server is that of the credential itself, or that of its bucket, whose name precedes the server's.
fn is_own_endpoint(access: &Access, url: &Url) -> bool {
    let endpoint = access.endpoint.as_deref();
    let endpoint = endpoint.and_then(|endpoint| parse_url(endpoint, "endpoint").ok());
    endpoint.is_some_and(|endpoint| {
        let (own, host) = (endpoint.host_str(), url.host_str().unwrap_or_default());
        let own = own.unwrap_or_default();
        let before = host.strip_suffix(own);
        let is_there = before.is_some_and(|bucket| bucket.is_empty() || bucket.ends_with('.'));
        is_there
            && !own.is_empty()
            && endpoint.scheme() == url.scheme()
            && endpoint.port_or_known_default() == url.port_or_known_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Audience, Authorization, FetchPattern};

    fn access(audience: Audience, endpoint: Option<&str>) -> Access {
        let mut access = Access::new(Authorization::Bearer("token".into()), "the credential `c`");
        access.audience = audience;
        access.endpoint = endpoint.map(str::to_owned);
        access
    }

    fn pattern(text: &str) -> [FetchPattern; 1] {
        [FetchPattern::of_server(text).unwrap()]
    }

    #[test]
    fn a_credential_goes_to_its_servers_and_to_those_that_a_trusted_tool_is_configured_with() {
        let service = || Audience::of_service(pattern("*.cloud.example"));
        let stated = || service().stating(pattern("http://mine.example:8080/"));
        let unstated = Audience::unstated;
        let own = Some("http://store.example:9000/base");
        let cases = [
            // Audience, its own endpoint, the server, and who may send it: any tool, a trusted tool by an endpoint of
            // its configuration, a trusted tool by a URL.
            (
                service(),
                None,
                "https://a.cloud.example/",
                [true, true, true],
            ),
            (
                service(),
                None,
                "http://a.cloud.example/",
                [false, true, false],
            ),
            (
                service(),
                None,
                "https://evil.example/",
                [false, true, false],
            ),
            (
                service(),
                own,
                "http://store.example:9000/b/k",
                [true, true, true],
            ),
            (
                service(),
                own,
                "http://b.store.example:9000/k",
                [true, true, true],
            ),
            (
                service(),
                own,
                "http://evilstore.example:9000/k",
                [false, true, false],
            ),
            (
                service(),
                own,
                "https://store.example:9000/b/k",
                [false, true, false],
            ),
            (
                service(),
                own,
                "http://store.example/b/k",
                [false, true, false],
            ),
            (
                stated(),
                None,
                "http://mine.example:8080/x",
                [true, true, true],
            ),
            (
                stated(),
                None,
                "https://a.cloud.example/",
                [true, true, true],
            ),
            (
                stated(),
                None,
                "https://evil.example/",
                [false, false, false],
            ),
            (
                unstated().stating([]),
                None,
                "https://evil.example/",
                [false, false, false],
            ),
            (
                unstated(),
                None,
                "https://evil.example/",
                [false, true, true],
            ),
            (
                unstated(),
                own,
                "http://store.example:9000/b/k",
                [true, true, true],
            ),
        ];
        for (audience, endpoint, url, expected) in cases {
            let access = access(audience, endpoint);
            let parsed = Url::parse(url).unwrap();
            let allowed =
                [(false, true), (true, true), (true, false)].map(|(is_trusted, names_endpoint)| {
                    check(&access, &parsed, is_trusted, names_endpoint).is_ok()
                });
            assert_eq!(allowed, expected, "{url} {access:?}");
        }
    }

    #[test]
    fn a_denial_names_the_credential_and_the_server_and_the_line_that_helps() {
        let url = Url::parse("https://me:s3cret@evil.example:8443/a?sig=s3cret").unwrap();
        let bound = access(Audience::of_service(pattern("cloud.example")), None);
        for (access, message) in [
            (
                bound,
                "the credential `c` is not for `https://evil.example:8443/`",
            ),
            (
                access(Audience::unstated(), None),
                "the credential `c` does not say which servers it is for, and so is not sent to \
                 `https://evil.example:8443/`",
            ),
        ] {
            let error = check(&access, &url, false, true).unwrap_err();
            assert_eq!(error.explanation.reason, Reason::Denied);
            assert_eq!(error.explanation.message, message);
            let hint = error.explanation.hint_text().unwrap();
            assert!(
                hint.ends_with("`hosts: [\"https://evil.example:8443/\"]`"),
                "{hint}"
            );
        }
    }
}
