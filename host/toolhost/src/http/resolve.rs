use std::net::IpAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::proxy::ProxyHost;
use super::{AddressClass, AddressPolicy};

/// Resolves names with the machine's own resolver, and returns only addresses that the policy allows.
///
/// The connection uses these addresses without resolving the name again, so that a name cannot change its meaning
/// between check and use.
#[derive(Debug)]
pub(super) struct PolicyResolver {
    pub(super) policy: AddressPolicy,
    /// The proxies, which are chosen by the user and not by the author of a URL.
    pub(super) exempt: Arc<[ProxyHost]>,
}

/// Why a name has no usable address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// It does not resolve.
    #[error("`{host}` does not resolve: {source}")]
    NotFound {
        host: String,
        #[source]
        source: std::io::Error,
    },
    /// None of its addresses may be used.
    #[error("`{host}` is at {address}, which is {class}")]
    Refused {
        host: String,
        address: IpAddr,
        class: AddressClass,
    },
}

/// Maximum number of addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

impl Resolve for PolicyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let policy = if ProxyHost::any_is(&self.exempt, &host) {
            AddressPolicy::Any
        } else {
            self.policy
        };
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let found = found.map_err(|source| ResolveError::NotFound {
                host: host.clone(),
                source,
            })?;
            let mut usable = Vec::new();
            let mut refused = None;
            for address in found.take(MAX_ADDRESSES) {
                match policy.objection(address.ip()) {
                    None => usable.push(address),
                    Some(class) => refused = Some((address.ip(), class)),
                }
            }
            match refused {
                // One denied address among allowed ones is a trap or a mistake; the allowed ones are harmless.
                Some((address, class)) if usable.is_empty() => Err(ResolveError::Refused {
                    host,
                    address,
                    class,
                }
                .into()),
                _ => Ok(Box::new(usable.into_iter()) as Addrs),
            }
        })
    }
}
