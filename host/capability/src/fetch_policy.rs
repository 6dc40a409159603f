use std::collections::BTreeSet;
use std::fmt;

use url::Url;

use super::fetch_pattern::FetchPattern;
use super::urls::{server_of, shown_url};
use super::{Access, CapabilityError, Reason, audience};

/// What a tool may fetch, and what it may send to the servers. Its `Debug` form shows the rules.
///
/// Rules are additive: a fetch is allowed if one of them allows it. The host sets the policy for each call; a tool
/// cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPolicy {
    rules: Vec<FetchRule>,
    /// The credentials that the tool may name although its configuration does not.
    pub(super) credentials: BTreeSet<String>,
    /// Whether it may send everything in its configuration to every server in its configuration.
    is_trusted: bool,
    /// The tool, for the line that would allow more.
    kind: Option<String>,
}

/// A rule: a part of what a tool may fetch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FetchRule {
    /// The patterns; everything where they are absent.
    pub allow: Option<Vec<FetchPattern>>,
    /// Whether addresses that are not public are allowed, such as those of this machine and its network.
    pub private_addresses: bool,
}

/// The permission for a fetch, with the allowed addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchPermit {
    /// Whether addresses that are not public are allowed.
    pub private_addresses: bool,
}

impl Default for FetchPolicy {
    /// Returns the policy that allows everything public, and the workspace.
    fn default() -> Self {
        Self::of([FetchRule::default()])
    }
}

impl FetchPolicy {
    /// Returns the policy of these rules; it allows nothing where there are none.
    #[must_use]
    pub fn of(rules: impl IntoIterator<Item = FetchRule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            credentials: BTreeSet::new(),
            is_trusted: false,
            kind: None,
        }
    }

    /// Returns the policy that allows everything, from all addresses, for a [trusted](Self::trust) tool.
    #[must_use]
    pub fn everything() -> Self {
        let mut everything = Self::of([FetchRule {
            allow: None,
            private_addresses: true,
        }]);
        everything.trust();
        everything
    }

    /// Adds a rule.
    pub fn add(&mut self, rule: FetchRule) {
        if !self.rules.contains(&rule) {
            self.rules.push(rule);
        }
    }

    /// Allows the tool to name a credential that its configuration does not name.
    pub fn add_credential(&mut self, name: &str) {
        self.credentials.insert(name.to_owned());
    }

    /// Allows the tool to send everything in its configuration (sealed headers, credentials without stated servers, and
    /// the machine's own credentials) to every server that it may fetch from.
    ///
    /// This is for tools whose code is trusted to request only what their configuration contains, such as the embedded
    /// ones.
    pub fn trust(&mut self) {
        self.is_trusted = true;
    }

    /// Returns the credentials that the tool may name although its configuration does not, in order.
    pub fn credentials(&self) -> impl Iterator<Item = &str> {
        self.credentials.iter().map(String::as_str)
    }

    /// Whether the tool is [trusted](Self::trust).
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// Sets the name of the tool, so that a denial can print the grant to add.
    #[must_use]
    pub fn for_kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.to_owned());
        self
    }

    /// Returns the rules.
    #[must_use]
    pub fn rules(&self) -> &[FetchRule] {
        &self.rules
    }

    /// Checks a request to an HTTP server.
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
        // A URI of another scheme is not an object there, which the source reports.
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

    /// Checks that credentials may be sent to the server at `url`. `names_endpoint` is whether the request names it by
    /// `endpoint`.
    ///
    /// # Errors
    ///
    /// [`Reason::Denied`] with both names, and the line that would allow it.
    pub fn check_access(
        &self,
        access: &Access,
        url: &Url,
        names_endpoint: bool,
    ) -> Result<(), CapabilityError> {
        audience::check(access, url, self.is_trusted, names_endpoint)
    }

    /// Whether the tool may send sealed headers to the server at `url`: a rule names its host, or the tool is
    /// [trusted](Self::trust). Neither a rule without patterns names one, nor a scheme alone.
    #[must_use]
    pub fn is_named(&self, url: &Url) -> bool {
        self.is_trusted
            || self.has_pattern(|pattern| pattern.names_a_host() && pattern.matches_url(url))
    }

    /// Whether the tool may use the machine's own credentials for an object of a bucket: a rule has a pattern of the
    /// bucket or of `scheme`, or the tool is [trusted](Self::trust).
    #[must_use]
    pub fn allows_ambient_access(&self, scheme: &str, bucket: &str, key: &str) -> bool {
        self.is_trusted || self.has_pattern(|pattern| pattern.matches_object(scheme, bucket, key))
    }

    /// Returns the denial of an address that is not public.
    #[must_use]
    pub fn denied_address(&self, url: &Url, why: &str) -> CapabilityError {
        let message = format!("`{}` may not be fetched: {why}", shown_url(url));
        CapabilityError::new(Reason::Denied, message)
            .with_hint(self.hint(&server_of(url), true))
            .with_field("uri")
    }

    fn has_pattern(&self, matches: impl Fn(&FetchPattern) -> bool) -> bool {
        let mut patterns = self.rules.iter().filter_map(|rule| rule.allow.as_ref());
        patterns.any(|patterns| patterns.iter().any(&matches))
    }

    pub(super) fn permit(&self, matches: impl Fn(&FetchPattern) -> bool) -> Option<FetchPermit> {
        let mut rules = self.rules.iter().filter(|rule| rule.matches(&matches));
        let first = rules.next()?;
        Some(FetchPermit {
            private_addresses: first.private_addresses || rules.any(|rule| rule.private_addresses),
        })
    }

    fn denied_url(&self, url: &Url) -> CapabilityError {
        self.denied(&shown_url(url), &server_of(url), false)
    }

    pub(super) fn denied(
        &self,
        uri: &str,
        allow: &str,
        private_addresses: bool,
    ) -> CapabilityError {
        let message = format!("`{}` was not granted to fetch `{uri}`", self.kind());
        CapabilityError::new(Reason::Denied, message)
            .with_hint(self.hint(allow, private_addresses))
            .with_field("uri")
    }

    /// Returns the line that grants it.
    pub(super) fn hint(&self, allow: &str, private_addresses: bool) -> String {
        let kind = self.kind();
        let private_addresses = if private_addresses {
            ", private-addresses: true"
        } else {
            ""
        };
        format!(
            "to grant it, add to the list of `{kind}` in `grants.yaml`: `- objects: {{allow: [\"{allow}\"]{private_addresses}}}`"
        )
    }

    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("the tool")
    }
}

impl fmt::Display for FetchRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.allow {
            None => formatter.write_str("everything")?,
            Some(patterns) => {
                let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
                formatter.write_str(&patterns.join(", "))?;
            }
        }
        formatter.write_str(if self.private_addresses {
            " at any address"
        } else {
            " at public addresses"
        })
    }
}

impl FetchRule {
    fn matches(&self, matches: impl Fn(&FetchPattern) -> bool) -> bool {
        self.allow
            .as_ref()
            .is_none_or(|patterns| patterns.iter().any(matches))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FetchOptions, FetchRequest};

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
            assert_eq!(error.explanation.reason, Reason::Denied);
            assert_eq!(
                error.explanation.message,
                format!("`mine` was not granted to fetch `{shown}`")
            );
            let line = format!("`- objects: {{allow: [\"{allow}\"]}}`");
            assert!(
                error.explanation.hint_text().unwrap().ends_with(&line),
                "{line}"
            );
        }
        let gcs = request("gs://b/x", None, Some("http://me:s3cret@evil.example/"));
        let error = policy.check_credential("prod_api", &gcs).unwrap_err();
        assert_eq!(
            error.explanation.message,
            "`mine` may not use the credential `prod_api` for `http://evil.example/`: neither its \
             configuration nor its grant names it"
        );
        let hint = error.explanation.hint_text().unwrap();
        assert!(hint.ends_with("`- credentials: [prod_api]`"), "{hint}");
        let url = Url::parse("http://10.0.0.1:8080/x").unwrap();
        let hint = policy
            .denied_address(&url, "it is private")
            .explanation
            .hint_text()
            .unwrap();
        let line = "`- objects: {allow: [\"http://10.0.0.1:8080/\"], private-addresses: true}`";
        assert!(hint.ends_with(line), "{hint}");
    }
    #[test]
    fn what_is_sealed_goes_where_a_pattern_names_the_host() {
        let to = |uri: &str, endpoint: Option<&str>| request(uri, None, endpoint);
        let named = rule(
            &["https://api.example/v1/", "https://*.b.example/", "gs://b/"],
            false,
        );
        let broad = rule(&["https:", "http:", "gs:"], true);
        for (policy, uri, allowed) in [
            (
                FetchPolicy::of([named.clone()]),
                "https://api.example/v1/x",
                true,
            ),
            (
                FetchPolicy::of([named.clone()]),
                "https://x.b.example/",
                true,
            ),
            (
                FetchPolicy::of([named.clone()]),
                "https://api.example/v2/x",
                false,
            ),
            (
                FetchPolicy::of([named.clone(), broad.clone()]),
                "https://api.example/v2/x",
                false,
            ),
            (FetchPolicy::of([named]), "gs://b/x", false),
            (FetchPolicy::of([broad]), "https://api.example/v1/x", false),
            (FetchPolicy::default(), "https://api.example/v1/x", false),
            (FetchPolicy::everything(), "https://api.example/v1/x", true),
        ] {
            let checked = policy.check_sealed_headers(&to(uri, None));
            assert_eq!(checked.is_ok(), allowed, "{policy:?} {uri}");
            if let Ok(url) = to(uri, None).http_url() {
                assert_eq!(policy.is_named(&url), allowed, "{policy:?} {uri}");
            }
        }
        let policy = FetchPolicy::default().for_kind("mine");
        let error = policy.check_sealed_headers(&to("https://api.example/x", None));
        let error = error.unwrap_err();
        assert!(
            error.explanation.message.contains("`https://api.example/`"),
            "{error}"
        );
        let hint = error.explanation.hint_text().unwrap();
        assert!(
            hint.ends_with("`- objects: {allow: [\"https://api.example/\"]}`"),
            "{hint}"
        );
    }

    #[test]
    fn what_the_machine_offers_is_for_buckets_that_a_pattern_names() {
        let policy = FetchPolicy::of([FetchRule::default(), rule(&["gs://mine/a/", "s3:"], false)]);
        for (scheme, bucket, key, allowed) in [
            ("gs", "mine", "a/x", true),
            ("gs", "mine", "b/x", false),
            ("gs", "other", "a/x", false),
            ("s3", "other", "x", true),
        ] {
            let allows = policy.allows_ambient_access(scheme, bucket, key);
            assert_eq!(allows, allowed, "{scheme}://{bucket}/{key}");
        }
        assert!(!FetchPolicy::default().allows_ambient_access("gs", "mine", "a/x"));
        assert!(FetchPolicy::everything().allows_ambient_access("gs", "mine", "a/x"));
    }
}
