use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

/// A certificate whose owner may certify servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCertificate(CertificateDer<'static>);

impl RootCertificate {
    /// The certificate in DER, as in a block of PEM after decoding. It is checked when a client is created.
    #[must_use]
    pub fn from_der(der: Vec<u8>) -> Self {
        Self(der.into())
    }
}

/// The configuration of TLS, and its known problem.
pub(super) struct Trust {
    pub(super) config: ClientConfig,
    /// Why no server can be verified, where that is known beforehand.
    pub(super) problem: Option<String>,
}

/// Returns TLS by ring, with the certificates that the machine trusts, and additional ones.
///
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the machine's own certificates, as in OpenSSL. A machine without
/// certificates can still use HTTP, so that is not an error before TLS is used.
pub(super) fn trust(extra_roots: &[RootCertificate]) -> Result<Trust, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let verifier =
        Verifier::new_with_extra_roots(extra_roots.iter().map(|root| root.0.clone()), provider);
    let (builder, problem) = match verifier {
        Ok(verifier) => {
            let builder = builder.dangerous();
            (
                builder.with_custom_certificate_verifier(Arc::new(verifier)),
                None,
            )
        }
        Err(error) => (
            builder.with_root_certificates(RootCertStore::empty()),
            Some(error.to_string()),
        ),
    };
    let mut config = builder.with_no_client_auth();
    // In the order of preference.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Trust { config, problem })
}
