//! Keys of Amazon Web Services, from the same sources as in Amazon's own programs.

mod metadata;
mod place;
mod process;
mod profile;
mod role;
mod section;
mod sso;
mod sts;
mod web_identity;

use secrecy::ExposeSecret as _;

use self::place::{Place, of_environment, region};
use self::role::Role;
use super::source::{Servers, Source};
use crate::capability::{Access, Authorization, AwsKeys, Service};
use crate::credential::{Credential, CredentialError, Machine};

/// The note about a request without any credential in the errors of a fetch.
const NOTHING_FOUND: &str = "no credential: neither `AWS_ACCESS_KEY_ID`, nor a profile, nor a web \
     identity, nor a container's or instance's role";
const OWNER: &str = "Amazon's default credentials";

/// Returns the source of the keys of an `aws` credential.
pub(super) async fn source(
    owner: &str,
    credential: &Credential,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    let text = |field: &str| filled_in(credential, field);
    let role = text("role_arn");
    let place = Place {
        region: text("region").or_else(|| region(machine)),
        ..Place::default()
    };
    if let (None, Some(role), Some(file)) = (
        text("access_key_id"),
        &role,
        text("web_identity_token_file"),
    ) {
        return web_identity::source(owner, role.clone(), file.into(), None, place, machine);
    }
    let keys = keys(owner, credential, machine).await?;
    let Some(arn) = role else {
        return Ok(keys);
    };
    let role = Role {
        arn,
        external_id: text("external_id"),
        ..Role::default()
    };
    role::source(owner, role, keys, place, machine)
}

/// Returns the credential's own keys, or those that it refers to.
async fn keys(
    owner: &str,
    credential: &Credential,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    let text = |field: &str| filled_in(credential, field);
    if let Some(id) = text("access_key_id") {
        return Ok(Source::Given(Access::new(
            Authorization::Aws(AwsKeys {
                access_key_id: id,
                secret_access_key: credential.needed(owner, "secret_access_key")?,
                session_token: credential.text("session_token"),
            }),
            owner,
        )));
    }
    if credential.fields.contains_key("secret_access_key") {
        credential.needed(owner, "access_key_id")?;
    }
    if let Some(profile) = text("profile") {
        return profile::source(owner, &profile, machine).await;
    }
    let found = chain(owner, machine).await?;
    found
        .or_else(|| metadata::instance(owner, machine))
        .ok_or_else(|| CredentialError::Incomplete {
            owner: owner.to_owned(),
            missing: "keys, and this machine has none either".to_owned(),
        })
}

/// Returns a field of a credential, unless it is empty.
fn filled_in(credential: &Credential, field: &str) -> Option<String> {
    let text = credential.text(field)?;
    Some(text.expose_secret().to_owned()).filter(|text| !text.is_empty())
}

/// Returns the keys of the machine, without a named credential.
pub(super) async fn ambient(servers: &Servers) -> Result<Option<Source>, CredentialError> {
    let machine = &servers.machine;
    if let Some(source) = chain(OWNER, machine).await? {
        return Ok(Some(source));
    }
    // A machine of Amazon is recognized by `Amazon EC2` on Nitro, and `amazon` in the version on Xen.
    let is_there = machine
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .is_some()
        || machine.firmware("sys_vendor") == "Amazon EC2"
        || machine.firmware("bios_version").ends_with("amazon");
    if !is_there || servers.is_absent(Service::S3) {
        return Ok(None);
    }
    Ok(metadata::instance("the instance's role", machine))
}

/// Access without keys; the region may be known nevertheless.
pub(super) fn anonymous(machine: &Machine) -> Access {
    let mut access = Access::new(Authorization::Anonymous, NOTHING_FOUND);
    Place::default().complete(&mut access, machine);
    access
}

/// The order of Amazon's own programs, up to where a server is asked that may not exist
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
async fn chain(owner: &str, machine: &Machine) -> Result<Option<Source>, CredentialError> {
    if let Some(access) = of_environment(machine) {
        return Ok(Some(Source::Given(access)));
    }
    if let Some(source) = profile::default(owner, machine).await? {
        return Ok(Some(source));
    }
    let variable = |name: &str| machine.variable(name);
    if let (Some(file), Some(role)) = (
        variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
        variable("AWS_ROLE_ARN"),
    ) {
        let session = variable("AWS_ROLE_SESSION_NAME");
        let place = Place {
            region: region(machine),
            ..Place::default()
        };
        let source = web_identity::source(owner, role, file.into(), session, place, machine);
        return source.map(Some);
    }
    metadata::container(owner, machine)
}
