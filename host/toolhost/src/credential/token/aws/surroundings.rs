//! What the environment says about the service rather than about keys.

use crate::capability::Access;
use crate::credential::Machine;

pub(super) fn region(machine: &Machine) -> Option<String> {
    let region = machine.variable("AWS_REGION");
    region.or_else(|| machine.variable("AWS_DEFAULT_REGION"))
}

/// What the environment says about the service rather than about keys, where nothing nearer said it.
pub(super) fn with_surroundings(access: &mut Access, machine: &Machine) {
    if access.region.is_none() {
        access.region = region(machine);
    }
    if access.endpoint.is_none() {
        access.endpoint = machine
            .variable("AWS_ENDPOINT_URL_S3")
            .or_else(|| machine.variable("AWS_ENDPOINT_URL"));
    }
}
