use std::net::IpAddr;

use url::{Host, Url};

use super::proxy::ProxyHost;
use super::{AddressPolicy, HttpError};

/// Checks an address in a URL itself, which is not resolved.
pub(super) fn check_literal(
    url: &Url,
    policy: AddressPolicy,
    proxies: &[ProxyHost],
) -> Result<(), HttpError> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        // A proxy's name is exempt in the resolver, so that it must not be the host of a request.
        Some(Host::Domain(name)) if policy != AddressPolicy::Any => {
            return if ProxyHost::any_is(proxies, name) {
                Err(HttpError::ProxyRefused {
                    host: name.to_owned(),
                })
            } else {
                Ok(())
            };
        }
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    match policy.objection(address) {
        None => Ok(()),
        Some(class) => Err(HttpError::AddressRefused {
            host: address.to_string(),
            address,
            class,
        }),
    }
}
