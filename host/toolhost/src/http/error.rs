use std::error::Error;
use std::io;
use std::net::IpAddr;

use rustls::CertificateError;

use super::AddressClass;
use super::proxy::ProxyHost;
use super::resolve::ResolveError;
use crate::capability::{CapabilityError, Reason};

/// Why there is no answer, or not all of it. No message holds a header, or more of a URL than
/// [`shown`](super::shown) shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server's name has no address.
    #[error("the name `{host}` does not resolve: {why}")]
    NameNotFound {
        /// The name.
        host: String,
        /// What the resolver says.
        why: String,
        /// Whether the resolver itself could not be asked, rather than knowing no such name.
        is_temporary: bool,
    },
    /// The policy does not take the server's address.
    #[error("`{host}` is at {address}, which is {class}, and only public addresses may be reached")]
    AddressRefused {
        /// The name, or the address itself.
        host: String,
        /// The address.
        address: IpAddr,
        /// What is wrong with it.
        class: AddressClass,
    },
    /// The host is the proxy, which is there to be gone through and not to be asked.
    #[error("`{host}` is the proxy, and only public addresses may be reached")]
    ProxyRefused {
        /// The proxy.
        host: String,
    },
    /// The server, or the way to it, takes no connection.
    #[error("cannot connect to {place}: {why}")]
    Connect {
        /// The URL as it may be shown.
        place: String,
        /// Why.
        why: String,
    },
    /// The server could not prove who it is, or speaks no TLS that is taken here.
    #[error("no secure connection to {place}: {why}")]
    Tls {
        /// The URL as it may be shown.
        place: String,
        /// Why.
        why: String,
    },
    /// Nothing came, or not all, for too long.
    #[error("{place} {what}")]
    Timeout {
        /// The URL as it may be shown.
        place: String,
        /// What took too long.
        what: String,
    },
    /// The servers lead on and on, or in a circle.
    #[error("{place} was redirected {count} times")]
    Redirects {
        /// The URL at which it began, as it may be shown.
        place: String,
        /// How often.
        count: usize,
    },
    /// The connection ended before the answer did.
    #[error("the answer of {place} was cut: {why}")]
    Cut {
        /// The URL as it may be shown.
        place: String,
        /// Why.
        why: String,
    },
    /// What came is no HTTP, or contradicts itself.
    #[error("{place} does not answer as an HTTP server does: {why}")]
    Protocol {
        /// The URL as it may be shown.
        place: String,
        /// Why.
        why: String,
    },
    /// There is more than was asked for.
    #[error("the answer of {place} has more than {max_bytes} bytes")]
    TooLarge {
        /// The URL as it may be shown.
        place: String,
        /// The limit.
        max_bytes: u64,
    },
    /// Nothing was sent, since the request makes no sense.
    #[error("{why}")]
    InvalidRequest {
        /// Why.
        why: String,
    },
    /// The client itself cannot be made on this machine.
    #[error("this machine cannot speak HTTP: {why}")]
    Client {
        /// Why.
        why: String,
    },
}

/// The longest text of a foreign crate, which may quote a server, in a message.
const MAX_WHY_CHARS: usize = 200;

impl HttpError {
    /// Whether the same request may be answered a moment later.
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

    /// Finds out from the causes of the client's error what happened.
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
                "takes no connection in time"
            } else {
                "sent nothing for too long"
            };
            let what = what.to_owned();
            return Self::Timeout { place, what };
        }
        let why = root_cause(error);
        if error.is_builder() {
            let why = format!("{place} cannot be asked for: {why}");
            return Self::InvalidRequest { why };
        }
        if error.is_connect() {
            return Self::Connect { place, why };
        }
        // A response that begins with what is no HTTP is an error of the request as well, but not one
        // of the connection.
        if causes(error).any(is_cut) {
            return Self::Cut { place, why };
        }
        Self::Protocol { place, why }
    }

    /// Says of a connection that could not be made that there is a proxy: it may be that one which is not there.
    pub(super) fn behind(self, proxy: &ProxyHost) -> Self {
        match self {
            Self::Connect { place, why } => {
                let ProxyHost { scheme, name } = proxy;
                let why = format!(
                    "{why}; what is not in `NO_PROXY` goes through the proxy for `{scheme}`, `{name}`"
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
    /// Without a field: the caller knows which value of its configuration was the URL.
    fn from(error: HttpError) -> Self {
        let is_retryable = error.is_retryable();
        let (reason, hint) = match &error {
            HttpError::NameNotFound { .. } => (
                Reason::HostNotFound,
                "check the host's name, and that this machine may resolve it",
            ),
            HttpError::AddressRefused { .. } | HttpError::ProxyRefused { .. } => (
                Reason::Denied,
                "if it is meant, grant `private-addresses: true`",
            ),
            HttpError::Connect { .. } => (
                Reason::FetchFailed,
                "check the host and the port, and that this machine may reach them",
            ),
            HttpError::Tls { .. } => (
                Reason::TlsFailed,
                "check the address; a certificate of your own is trusted by `SSL_CERT_FILE`",
            ),
            HttpError::Timeout { .. } => (
                Reason::Timeout,
                "check that the server is up, or give it more time",
            ),
            HttpError::Redirects { .. } => (
                Reason::RedirectLoop,
                "use the address at which the object is",
            ),
            HttpError::Cut { .. } => (
                Reason::FetchFailed,
                "try again; the server, or a proxy on the way, breaks off",
            ),
            HttpError::Protocol { .. } => (
                Reason::FetchFailed,
                "check that the address is that of an HTTP server",
            ),
            HttpError::TooLarge { .. } => (Reason::TooLarge, "see whether it is the right address"),
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

/// An error and what is behind it. What an I/O error wraps is not its source but stands in its place.
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

/// What is behind everything else, in one line. The client's own error prints its URL, so it is passed by.
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
        // hyper's own errors and those of HTTP/2 are not nameable here without their crates.
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

/// What hyper and h2 say where the other side broke off: `hyper::Error::is_incomplete_message`,
/// `is_closed` and `is_canceled`, a body without its end, and streams that HTTP/2 resets.
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

/// What glibc and musl say for `EAI_AGAIN`, which the standard library gives as text alone: the network of a
/// container that has just been started is often not there yet.
const TEMPORARY_WORDS: [&str; 2] = ["Temporary failure in name resolution", "Try again"];

fn tls_words(error: &rustls::Error, trust_problem: Option<&str>) -> String {
    let words = match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => {
                return match trust_problem {
                    Some(problem) => format!("no certificate is trusted here ({problem})"),
                    None => "its certificate comes from nobody that this machine trusts".to_owned(),
                };
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate is no longer valid"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; is the clock of this machine right?"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            CertificateError::Revoked => "its certificate was revoked",
            _ => "",
        },
        rustls::Error::InvalidMessage(_) => "it does not speak TLS; is it meant to be `http://`?",
        rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => {
            return format!(
                "it speaks no TLS that is taken here ({})",
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

/// One line of bounded length.
fn printable(text: &str) -> String {
    let characters = text.chars().filter(|character| !character.is_control());
    characters.take(MAX_WHY_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_cannot_be_asked_is_asked_again() {
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
            assert_eq!(converted.reason, Reason::HostNotFound);
            assert_eq!(converted.retryable, is_retryable);
        }
    }
}
