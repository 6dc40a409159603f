use url::Url;

use super::fetch_pattern::FetchPattern;
use super::location::{parse_url, shown_url};
use super::{CapabilityError, FetchRequest, Reason};

/// What a tool may fetch. Printing it shows the rules.
///
/// Rules add up: what one of them allows is allowed. The host sets it for each call; a tool has no way to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPolicy {
    rules: Vec<FetchRule>,
    /// The tool, for the line that would allow it more.
    kind: Option<String>,
}

/// Some of what a tool may fetch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FetchRule {
    /// What; everything where it is absent.
    pub allow: Option<Vec<FetchPattern>>,
    /// Whether from addresses as well that are not public, such as those of this machine and its network.
    pub private_addresses: bool,
}

/// That something may be fetched, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchPermit {
    /// Whether from addresses as well that are not public.
    pub private_addresses: bool,
}

impl Default for FetchPolicy {
    /// Everything that is public, and the workspace.
    fn default() -> Self {
        Self::of([FetchRule::default()])
    }
}

impl FetchPolicy {
    /// What these rules allow; nothing where there are none.
    #[must_use]
    pub fn of(rules: impl IntoIterator<Item = FetchRule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            kind: None,
        }
    }

    /// Everything, from all addresses.
    #[must_use]
    pub fn everything() -> Self {
        Self::of([FetchRule {
            allow: None,
            private_addresses: true,
        }])
    }

    /// Allows more.
    pub fn add(&mut self, rule: FetchRule) {
        if !self.rules.contains(&rule) {
            self.rules.push(rule);
        }
    }

    /// Says whose it is, so that a denial can print what to grant to whom.
    #[must_use]
    pub fn for_kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.to_owned());
        self
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[FetchRule] {
        &self.rules
    }

    /// Checks a request as it came, before anything is done.
    ///
    /// A source checks again whatever it asks for in the end, such as the target of a redirect.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`] with the line that would allow it, and [`Reason::InvalidRequest`] for a URI that
    /// cannot be judged.
    pub fn check_request(&self, request: &FetchRequest) -> Result<FetchPermit, CapabilityError> {
        let uri = request.uri.as_str();
        match request.source_type()? {
            "http" => self.check_url(&request.http_url()?),
            "gcs" => self.check_stored("gs", request),
            "s3" => self.check_stored("s3", request),
            "file" => self.check_file(uri),
            // What the host has beyond these is nothing that a grant could name.
            _ => self
                .permit(|_| false)
                .ok_or_else(|| self.denied(uri, uri, false)),
        }
    }

    /// Checks what an HTTP server shall be asked for.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`] with the line that would allow it.
    pub fn check_url(&self, url: &Url) -> Result<FetchPermit, CapabilityError> {
        self.permit(|pattern| pattern.matches_url(url))
            .ok_or_else(|| self.denied_url(url))
    }

    /// Checks an object of a bucket: `gs://BUCKET/KEY` or `s3://BUCKET/KEY`.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`] with the line that would allow it.
    pub fn check_object(&self, scheme: &str, uri: &str) -> Result<FetchPermit, CapabilityError> {
        // A URI of another scheme is no object there; the source says so.
        let (found, rest) = uri.split_once("://").unwrap_or_default();
        let is_object = found.eq_ignore_ascii_case(scheme);
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        self.permit(|pattern| is_object && pattern.matches_object(scheme, bucket, key))
            .ok_or_else(|| {
                let line = format!("{scheme}://{bucket}/");
                self.denied(uri, &line, false)
            })
    }

    /// Checks a file of the workspace.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`] with the line that would allow it.
    pub fn check_file(&self, uri: &str) -> Result<FetchPermit, CapabilityError> {
        self.permit(FetchPattern::matches_file)
            .ok_or_else(|| self.denied(uri, "file:", false))
    }

    /// The denial of an address that is not public.
    #[must_use]
    pub fn denied_address(&self, url: &Url, why: &str) -> CapabilityError {
        let CapabilityError { hint, .. } = self.denied("", &origin(url), true);
        let message = format!("`{}` may not be fetched: {why}", shown_url(url));
        CapabilityError {
            hint,
            ..CapabilityError::new(Reason::Denied, message).with_field("script.uri")
        }
    }

    fn check_stored(
        &self,
        scheme: &str,
        request: &FetchRequest,
    ) -> Result<FetchPermit, CapabilityError> {
        let permit = self.check_object(scheme, &request.uri)?;
        match &request.options.endpoint {
            // Another server than that of the cloud is a server like any other.
            Some(endpoint) => self.check_url(&parse_url(endpoint, "script.source.endpoint")?),
            None => Ok(permit),
        }
    }

    fn permit(&self, matches: impl Fn(&FetchPattern) -> bool) -> Option<FetchPermit> {
        let mut rules = self.rules.iter().filter(|rule| rule.matches(&matches));
        let first = rules.next()?;
        Some(FetchPermit {
            private_addresses: first.private_addresses || rules.any(|rule| rule.private_addresses),
        })
    }

    fn denied_url(&self, url: &Url) -> CapabilityError {
        self.denied(&shown_url(url), &origin(url), false)
    }

    fn denied(&self, uri: &str, allow: &str, private_addresses: bool) -> CapabilityError {
        let kind = self.kind.as_deref().unwrap_or("the tool");
        let message = format!("`{kind}` was not granted to fetch `{uri}`");
        let private_addresses = if private_addresses {
            ", private-addresses: true"
        } else {
            ""
        };
        let hint = format!(
            "to grant it, add to the list of `{kind}` in `grants.yaml`: `- objects: {{allow: [\"{allow}\"]{private_addresses}}}`"
        );
        CapabilityError::new(Reason::Denied, message)
            .with_hint(hint)
            .with_field("script.uri")
    }
}

impl FetchRule {
    fn matches(&self, matches: impl Fn(&FetchPattern) -> bool) -> bool {
        self.allow
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(matches))
    }
}

/// What is allowed for a whole server.
fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    format!("{}://{host}{}/", url.scheme(), port.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::FetchOptions;
    use super::*;

    fn rule(patterns: &[&str], private_addresses: bool) -> FetchRule {
        let patterns = patterns.iter().map(|text| text.parse().unwrap());
        FetchRule {
            allow: Some(patterns.collect()),
            private_addresses,
        }
    }

    fn request(uri: &str, source_type: Option<&str>, endpoint: Option<&str>) -> FetchRequest {
        FetchRequest {
            uri: uri.to_owned(),
            options: FetchOptions {
                source_type: source_type.map(str::to_owned),
                endpoint: endpoint.map(str::to_owned),
                ..FetchOptions::default()
            },
        }
    }

    #[test]
    fn rules_add_up_and_private_addresses_belong_to_their_rule() {
        let policy = FetchPolicy::of([
            rule(&["https://a.example/", "http://10.0.0.1/"], false),
            rule(&["http://10.0.0.1/open/"], true),
        ]);
        let check = |url: &str| {
            let permit = policy.check_url(&Url::parse(url).unwrap());
            permit.map(|permit| permit.private_addresses).ok()
        };
        assert_eq!(check("https://a.example/x"), Some(false));
        assert_eq!(check("http://10.0.0.1/x"), Some(false));
        assert_eq!(check("http://10.0.0.1/open/x"), Some(true));
        assert_eq!(check("https://b.example/x"), None);
    }

    #[test]
    fn judges_every_kind_of_request_by_where_it_goes() {
        let policy = FetchPolicy::of([rule(
            &[
                "gs://b/s/",
                "s3://b/",
                "https://a.example/v1/",
                "http://minio/",
            ],
            false,
        )]);
        let cases = [
            ("gs://b/s/x", None, None, true),
            ("GS://b/s/x", None, None, true),
            ("gs://b/t/x", None, None, false),
            ("s3://b/x", None, Some("http://minio"), true),
            ("s3://b/x", None, Some("http://elsewhere"), false),
            ("gs://b/s/x", Some("s3"), None, false),
            ("https://a.example/v1/x", None, None, true),
            ("https://a.example/v2/x", None, None, false),
            ("x.py", Some("http"), Some("https://a.example/v1"), true),
            ("x.py", Some("http"), Some("https://a.example/v2"), false),
            (
                "../v2/x.py",
                Some("http"),
                Some("https://a.example/v1"),
                false,
            ),
            ("x.py", None, None, false),
            ("file:///x.py", None, None, false),
            ("gs://b/s/x", Some("file"), None, false),
            ("gs://b/s/x", Some("ftp"), None, false),
        ];
        for (uri, source_type, endpoint, expected) in cases {
            let request = request(uri, source_type, endpoint);
            let allowed = policy.check_request(&request).is_ok();
            assert_eq!(allowed, expected, "{uri} {source_type:?} {endpoint:?}");
            let everything = FetchPolicy::everything().check_request(&request);
            assert!(everything.is_err() || everything.unwrap().private_addresses);
        }
    }

    #[test]
    fn a_denial_names_what_was_wanted_and_the_line_that_grants_it() {
        let policy = FetchPolicy::of([]).for_kind("mine");
        let cases = [
            ("gs://b/s/x.py", "gs://b/s/x.py", "gs://b/"),
            (
                "https://me:s3cret@a.example:8443/x.py?sig=s3cret",
                "https://a.example:8443/x.py",
                "https://a.example:8443/",
            ),
            ("x.py", "x.py", "file:"),
        ];
        for (uri, shown, allow) in cases {
            let error = policy.check_request(&request(uri, None, None)).unwrap_err();
            assert_eq!(error.reason, Reason::Denied);
            assert_eq!(
                error.message,
                format!("`mine` was not granted to fetch `{shown}`")
            );
            let line = format!("`- objects: {{allow: [\"{allow}\"]}}`");
            assert!(error.hint.unwrap().ends_with(&line), "{line}");
        }
        let url = Url::parse("http://10.0.0.1:8080/x").unwrap();
        let hint = policy.denied_address(&url, "it is private").hint.unwrap();
        let line = "`- objects: {allow: [\"http://10.0.0.1:8080/\"], private-addresses: true}`";
        assert!(hint.ends_with(line), "{hint}");
    }
}
