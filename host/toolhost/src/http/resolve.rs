use std::net::IpAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::proxy::ProxyHost;
use super::{AddressClass, AddressPolicy};

/// Resolves names by the machine's own resolver, and gives out only addresses that the policy takes.
///
/// The connection is made to what is given out here and not resolved again, so that a name cannot mean
/// one thing when it is checked and another when it is used.
#[derive(Debug)]
pub(super) struct PolicyResolver {
    pub(super) policy: AddressPolicy,
    /// The proxies, which the user chose and not the author of a URL.
    pub(super) exempt: Arc<[ProxyHost]>,
}

/// Why a name gives no address.
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

/// The most addresses of one name that are tried.
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
                // One bad address among good ones is a trap or a mistake; the good ones do no harm.
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
