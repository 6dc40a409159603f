use std::error::Error;
use std::io;
use std::net::IpAddr;

use rustls::CertificateError;

use super::AddressClass;
use super::proxy::ProxyHost;
use super::resolve::ResolveError;
use crate::capability::{CapabilityError, Reason};

/// Why there is no answer, or not all of it. No message contains a header, or more of a URL than
/// [`shown`](super::shown) shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server's name has no address.
    #[error("the name `{host}` does not resolve: {why}")]
    NameNotFound {
        /// The name.
        host: String,
        /// The resolver's message.
        why: String,
        /// Whether the resolver itself failed, rather than there being no such name.
        is_temporary: bool,
    },
    /// The policy does not allow the server's address.
    #[error("`{host}` is at {address}, which is {class}, and only public addresses are allowed")]
    AddressRefused {
        /// The name, or the address itself.
        host: String,
        /// The address.
        address: IpAddr,
        /// Why it is not allowed.
        class: AddressClass,
    },
    /// The host is the proxy, which must not be the server of a request.
    #[error("`{host}` is the proxy, and only public addresses are allowed")]
    ProxyRefused {
        /// The proxy.
        host: String,
    },
    /// The server, or the network, refuses the connection.
    #[error("cannot connect to {place}: {why}")]
    Connect {
        /// The URL for messages.
        place: String,
        /// The cause.
        why: String,
    },
    /// The server's certificate cannot be verified, or it does not support the accepted versions of TLS.
    #[error("no secure connection to {place}: {why}")]
    Tls {
        /// The URL for messages.
        place: String,
        /// The cause.
        why: String,
    },
    /// Nothing arrived, or not all, for too long.
    #[error("{place} {what}")]
    Timeout {
        /// The URL for messages.
        place: String,
        /// What took too long.
        what: String,
    },
    /// Too many redirects, or a circle.
    #[error("{place} was redirected {count} times")]
    Redirects {
        /// The first URL, for messages.
        place: String,
        /// The number of redirects.
        count: usize,
    },
    /// The connection ended before the answer.
    #[error("the answer of {place} was cut: {why}")]
    Cut {
        /// The URL for messages.
        place: String,
        /// The cause.
        why: String,
    },
    /// The answer is not HTTP, or contradicts itself.
    #[error("invalid HTTP answer of {place}: {why}")]
    Protocol {
        /// The URL for messages.
        place: String,
        /// The cause.
        why: String,
    },
    /// The answer is larger than allowed.
    #[error("the answer of {place} is larger than {max_bytes} bytes")]
    TooLarge {
        /// The URL for messages.
        place: String,
        /// The limit.
        max_bytes: u64,
    },
    /// Nothing was sent, since the request is invalid.
    #[error("{why}")]
    InvalidRequest {
        /// The cause.
        why: String,
    },
    /// The client cannot be created on this machine.
    #[error("cannot create an HTTP client: {why}")]
    Client {
        /// The cause.
        why: String,
    },
}

/// Maximum length of a text of a foreign crate, which may quote a server, in a message.
const MAX_WHY_CHARS: usize = 200;

impl HttpError {
    /// Whether the same request may succeed a moment later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Cut { .. } => true,
            Self::NameNotFound { is_temporary, .. } => *is_temporary,
            Self::AddressRefused { .. }
            | Self::ProxyRefused { .. }
            | Self::Tls { .. }
            | Self::Redirects { .. }
            | Self::Protocol { .. }
            | Self::TooLarge { .. }
            | Self::InvalidRequest { .. }
            | Self::Client { .. } => false,
        }
    }

    /// Determines what happened from the causes of the client's error.
    pub(super) fn classify(
        error: &reqwest::Error,
        place: &str,
        trust_problem: Option<&str>,
    ) -> Self {
        let place = place.to_owned();
        for cause in causes(error) {
            if let Some(resolve) = cause.downcast_ref::<ResolveError>() {
                return Self::from_resolver(resolve);
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                let why = tls_words(tls, trust_problem);
                return Self::Tls { place, why };
            }
        }
        if error.is_timeout() {
            let what = if error.is_connect() {
                "did not accept the connection in time"
            } else {
                "sent nothing for too long"
            };
            let what = what.to_owned();
            return Self::Timeout { place, what };
        }
        let why = root_cause(error);
        if error.is_builder() {
            let why = format!("cannot request {place}: {why}");
            return Self::InvalidRequest { why };
        }
        if error.is_connect() {
            return Self::Connect { place, why };
        }
        // A response that does not begin with HTTP is an error of the request as well, but not one of the connection.
        if causes(error).any(is_cut) {
            return Self::Cut { place, why };
        }
        Self::Protocol { place, why }
    }

    /// Adds to a failed connection that there is a proxy: the proxy may be unreachable.
    pub(super) fn behind(self, proxy: &ProxyHost) -> Self {
        match self {
            Self::Connect { place, why } => {
                let ProxyHost { scheme, name } = proxy;
                let why = format!(
                    "{why}; hosts outside of `NO_PROXY` are reached through the proxy for `{scheme}`, `{name}`"
                );
                Self::Connect { place, why }
            }
            error => error,
        }
    }

    fn from_resolver(error: &ResolveError) -> Self {
        match error {
            ResolveError::NotFound { host, source } => {
                let why = printable(&source.to_string());
                Self::NameNotFound {
                    host: host.clone(),
                    is_temporary: TEMPORARY_WORDS.iter().any(|words| why.contains(words)),
                    why,
                }
            }
            ResolveError::Refused {
                host,
                address,
                class,
            } => Self::AddressRefused {
                host: host.clone(),
                address: *address,
                class: *class,
            },
        }
    }
}

impl From<HttpError> for CapabilityError {
    /// Without a field: the caller knows the configuration value with the URL.
    fn from(error: HttpError) -> Self {
        let is_retryable = error.is_retryable();
        let (reason, hint) = match &error {
            HttpError::NameNotFound { .. } => (
                Reason::HostNotFound,
                "check the host's name, and that this machine can resolve it",
            ),
            HttpError::AddressRefused { .. } | HttpError::ProxyRefused { .. } => (
                Reason::Denied,
                "if this is intended, grant `private-addresses: true`",
            ),
            HttpError::Connect { .. } => (
                Reason::FetchFailed,
                "check the host and the port, and that this machine can reach them",
            ),
            HttpError::Tls { .. } => (
                Reason::TlsFailed,
                "check the address; a private certificate is trusted with `SSL_CERT_FILE`",
            ),
            HttpError::Timeout { .. } => (
                Reason::Timeout,
                "check that the server is up, or raise the timeout",
            ),
            HttpError::Redirects { .. } => {
                (Reason::RedirectLoop, "use the final address of the object")
            }
            HttpError::Cut { .. } => (
                Reason::FetchFailed,
                "try again: the server, or a proxy in between, interrupts the transfer",
            ),
            HttpError::Protocol { .. } => (
                Reason::FetchFailed,
                "check that the address is that of an HTTP server",
            ),
            HttpError::TooLarge { .. } => (Reason::TooLarge, "check the address"),
            HttpError::InvalidRequest { .. } => (Reason::InvalidRequest, "change the request"),
            HttpError::Client { .. } => (
                Reason::Internal,
                "check `HTTP_PROXY`, `HTTPS_PROXY` and `SSL_CERT_FILE`",
            ),
        };
        let converted = Self::new(reason, error.to_string()).with_hint(hint);
        if is_retryable {
            converted.retryable()
        } else {
            converted
        }
    }
}

/// Iterates over an error and its causes. An error that an I/O error wraps is not its source, but takes its place.
fn causes<'error>(
    error: &'error (dyn Error + 'static),
) -> impl Iterator<Item = &'error (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'error (dyn Error + 'static)| {
        let error: &'error (dyn Error + 'static) = *error;
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// Returns the innermost cause, in one line. The client's own error prints its URL, so it is skipped.
fn root_cause(error: &reqwest::Error) -> String {
    let innermost = causes(error)
        .filter(|cause| !cause.is::<reqwest::Error>())
        .last();
    innermost.map_or_else(
        || "the request failed".to_owned(),
        |cause| printable(&cause.to_string()),
    )
}

/// Whether the connection ended too early.
fn is_cut(cause: &(dyn Error + 'static)) -> bool {
    let Some(error) = cause.downcast_ref::<io::Error>() else {
        // hyper's own errors and those of HTTP/2 cannot be named here without their crates.
        let text = cause.to_string();
        return CUT_WORDS.iter().any(|words| text.contains(words));
    };
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected
    )
}

/// Messages of hyper and h2 for an interrupted connection: `hyper::Error::is_incomplete_message`, `is_closed` and
/// `is_canceled`, a body without its end, and streams that HTTP/2 resets.
const CUT_WORDS: [&str; 8] = [
    "connection closed before message completed",
    "end of file before message length reached",
    "connection error",
    "channel closed",
    "operation was canceled",
    "stream error received",
    "unexpected EOF",
    "stream closed because of a broken pipe",
];

/// Messages of glibc and musl for `EAI_AGAIN`, which the standard library provides only as text: the network of a
/// container that has just been started is often not available yet.
const TEMPORARY_WORDS: [&str; 2] = ["Temporary failure in name resolution", "Try again"];

fn tls_words(error: &rustls::Error, trust_problem: Option<&str>) -> String {
    let words = match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => {
                return match trust_problem {
                    Some(problem) => format!("this machine trusts no certificate ({problem})"),
                    None => "its certificate has an unknown issuer".to_owned(),
                };
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate is no longer valid"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; check the clock of this machine"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            CertificateError::Revoked => "its certificate was revoked",
            _ => "",
        },
        rustls::Error::InvalidMessage(_) => {
            "it does not support TLS; check whether `http://` is meant"
        }
        rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => {
            return format!(
                "it does not support the accepted versions of TLS ({})",
                printable(&error.to_string())
            );
        }
        _ => "",
    };
    if words.is_empty() {
        return printable(&error.to_string());
    }
    words.to_owned()
}

/// Formats one line of bounded length.
fn printable(text: &str) -> String {
    let characters = text.chars().filter(|character| !character.is_control());
    characters.take(MAX_WHY_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_the_resolver_is_retryable() {
        for (said, is_retryable) in [
            (
                "failed to lookup address information: Temporary failure in name resolution",
                true,
            ),
            (
                "failed to lookup address information: Name or service not known",
                false,
            ),
        ] {
            let error = HttpError::from_resolver(&ResolveError::NotFound {
                host: "h.example".to_owned(),
                source: io::Error::other(said),
            });
            assert_eq!(error.is_retryable(), is_retryable, "{said}");
            let converted = CapabilityError::from(error);
            assert_eq!(converted.explanation.reason, Reason::HostNotFound);
            assert_eq!(converted.retryable, is_retryable);
        }
    }
}
