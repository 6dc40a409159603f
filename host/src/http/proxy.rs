use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// Proxies, as the variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` have them.
///
/// What is reached through a proxy is resolved by the proxy, so that the policy of addresses does not see
/// it: the proxy has to have its own.
#[derive(Debug, Clone, Default)]
pub struct ProxySettings {
    /// The URL of the proxy for `https`, with its credentials.
    pub https: Option<SecretString>,
    /// The URL of the proxy for `http`, with its credentials.
    pub http: Option<SecretString>,
    /// The names that are reached directly, separated by commas.
    pub except: Option<String>,
}

impl ProxySettings {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in lower or upper case as curl has them; none
    /// where no proxy is named.
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

/// The proxies, and the names of their hosts.
pub(super) fn proxies(
    settings: &ProxySettings,
) -> Result<(Vec<reqwest::Proxy>, Vec<String>), String> {
    let mut proxies = Vec::new();
    let mut names = Vec::new();
    let except = settings.except.as_deref();
    let except = except.and_then(reqwest::NoProxy::from_string);
    for (scheme, url) in [("https", &settings.https), ("http", &settings.http)] {
        let Some(url) = url else { continue };
        let wrong = || format!("the proxy for `{scheme}` is no URL");
        let url = url.expose_secret();
        // As elsewhere, `proxy.example:3128` stands for a proxy that speaks HTTP.
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let name = Url::parse(&url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        names.push(name.ok_or_else(wrong)?);
        let proxy = match scheme {
            "https" => reqwest::Proxy::https(&url),
            _ => reqwest::Proxy::http(&url),
        };
        proxies.push(proxy.map_err(|_| wrong())?.no_proxy(except.clone()));
    }
    Ok((proxies, names))
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
        assert_eq!(proxies(&all).unwrap().1, ["a", "b"]);
    }

    #[test]
    fn what_is_no_url_is_not_quoted() {
        let settings = ProxySettings {
            https: Some(SecretString::from("http://me:s3cret@[")),
            ..ProxySettings::default()
        };
        assert_eq!(
            proxies(&settings).unwrap_err(),
            "the proxy for `https` is no URL"
        );
    }
}
