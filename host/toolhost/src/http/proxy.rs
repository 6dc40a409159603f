use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// Proxies, as in the variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
///
/// A host that is reached through a proxy is resolved by the proxy, so that the policy of addresses does not apply: the
/// proxy must have its own.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ProxySettings {
    /// The URL of the proxy for `https`, with its credentials.
    pub https: Option<SecretString>,
    /// The URL of the proxy for `http`, with its credentials.
    pub http: Option<SecretString>,
    /// The names that are connected to directly, separated by commas.
    pub except: Option<String>,
}

impl ProxySettings {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in lower or upper case as in curl; none where no
    /// proxy is named.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let read = |name: &str| {
            let set = variable(name).or_else(|| variable(&name.to_ascii_uppercase()));
            set.filter(|value| !value.is_empty())
        };
        let proxy = |name| {
            read(name)
                .or_else(|| read("all_proxy"))
                .map(SecretString::from)
        };
        let settings = Self {
            https: proxy("https_proxy"),
            http: proxy("http_proxy"),
            except: read("no_proxy"),
        };
        (settings.https.is_some() || settings.http.is_some()).then_some(settings)
    }
}

/// A proxy's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProxyHost {
    /// The scheme of its requests: `http` or `https`.
    pub(super) scheme: &'static str,
    /// Its name.
    pub(super) name: String,
}

impl ProxyHost {
    /// Whether one of them has this name.
    pub(super) fn any_is(proxies: &[Self], name: &str) -> bool {
        let mut names = proxies.iter().map(|proxy| &proxy.name);
        names.any(|proxy| proxy.eq_ignore_ascii_case(name))
    }
}

/// Returns the proxies, and their hosts.
pub(super) fn proxies(
    settings: &ProxySettings,
) -> Result<(Vec<reqwest::Proxy>, Vec<ProxyHost>), String> {
    let mut proxies = Vec::new();
    let mut hosts = Vec::new();
    let except = settings.except.as_deref();
    let except = except.and_then(reqwest::NoProxy::from_string);
    for (scheme, url) in [("https", &settings.https), ("http", &settings.http)] {
        let Some(url) = url else { continue };
        let wrong = || format!("invalid proxy for `{scheme}`: expected a URL");
        let url = url.expose_secret();
        // As elsewhere, `proxy.example:3128` means an HTTP proxy.
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let parsed = Url::parse(&url).map_err(|_| wrong())?;
        let name = parsed.host_str().ok_or_else(wrong)?.to_owned();
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!(
                "unsupported proxy type `{}` for `{scheme}`: expected `http` or `https`",
                parsed.scheme()
            ));
        }
        hosts.push(ProxyHost { scheme, name });
        let proxy = match scheme {
            "https" => reqwest::Proxy::https(&url),
            _ => reqwest::Proxy::http(&url),
        };
        proxies.push(proxy.map_err(|_| wrong())?.no_proxy(except.clone()));
    }
    Ok((proxies, hosts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_from_the_usual_variables() {
        let read = |set: &[(&str, &str)]| {
            ProxySettings::from_variables(|name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(read(&[("NO_PROXY", "*"), ("HTTPS_PROXY", "")]).is_none());
        let all = read(&[
            ("all_proxy", "http://a:1"),
            ("HTTP_PROXY", "b:2"),
            ("NO_PROXY", "c"),
        ]);
        let all = all.unwrap();
        assert_eq!(all.https.as_ref().unwrap().expose_secret(), "http://a:1");
        assert_eq!(all.http.as_ref().unwrap().expose_secret(), "b:2");
        assert_eq!(all.except.as_deref(), Some("c"));
        let hosts = proxies(&all).unwrap().1;
        let hosts: Vec<_> = hosts
            .iter()
            .map(|host| (host.scheme, host.name.as_str()))
            .collect();
        assert_eq!(hosts, [("https", "a"), ("http", "b")]);
    }

    #[test]
    fn a_proxy_of_another_protocol_is_refused() {
        let settings = ProxySettings {
            http: Some(SecretString::from("socks5://me:s3cret@a:1")),
            ..ProxySettings::default()
        };
        let problem = proxies(&settings).unwrap_err();
        assert!(
            problem.starts_with("unsupported proxy type `socks5` for `http`"),
            "{problem}"
        );
        assert!(!problem.contains("s3cret"), "{problem}");
    }

    #[test]
    fn an_invalid_url_is_not_quoted() {
        let settings = ProxySettings {
            https: Some(SecretString::from("http://me:s3cret@[")),
            ..ProxySettings::default()
        };
        assert_eq!(
            proxies(&settings).unwrap_err(),
            "invalid proxy for `https`: expected a URL"
        );
    }
}
