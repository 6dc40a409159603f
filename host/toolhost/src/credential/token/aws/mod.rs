//! Keys of Amazon Web Services, from where its own programs take them.

mod metadata;
mod profile;
mod surroundings;
mod web_identity;

use secrecy::{ExposeSecret as _, SecretString};

use self::surroundings::{region, with_surroundings};
use super::source::{Servers, Source};
use crate::capability::{Access, Authorization, AwsKeys, Service};
use crate::credential::{Credential, CredentialError, Machine};

/// What the errors of a fetch say about a request without any credential.
const NOTHING_FOUND: &str = "no credential: neither `AWS_ACCESS_KEY_ID`, nor a profile, nor a web \
     identity, nor a container's or instance's role";
const OWNER: &str = "Amazon's default credentials";

/// What an `aws` credential says about how it gets keys.
pub(super) async fn source(
    owner: &str,
    credential: &Credential,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    let text = |field: &str| {
        let text = credential.text(field)?;
        Some(text.expose_secret().to_owned()).filter(|text| !text.is_empty())
    };
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
    if let (Some(role), Some(file)) = (text("role_arn"), text("web_identity_token_file")) {
        let region = text("region").or_else(|| region(machine));
        return web_identity::source(owner, role, file.into(), None, region, machine);
    }
    let found = chain(owner, machine).await?;
    found
        .or_else(|| metadata::instance(owner, machine))
        .ok_or_else(|| CredentialError::Incomplete {
            owner: owner.to_owned(),
            missing: "keys, and this machine has none to offer either".to_owned(),
        })
}

/// What the machine offers without a credential of a name.
pub(super) async fn ambient(servers: &Servers) -> Result<Option<Source>, CredentialError> {
    let machine = &servers.machine;
    if let Some(source) = chain(OWNER, machine).await? {
        return Ok(Some(source));
    }
    // A machine of Amazon says so: `Amazon EC2` on Nitro, and `amazon` in the version on Xen.
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
    with_surroundings(&mut access, machine);
    access
}

/// The order in which Amazon's own programs look, up to where a server is asked that may not be there
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
        let source =
            web_identity::source(owner, role, file.into(), session, region(machine), machine);
        return source.map(Some);
    }
    metadata::container(owner, machine)
}

fn of_environment(machine: &Machine) -> Option<Access> {
    let access_key_id = machine.variable("AWS_ACCESS_KEY_ID")?;
    let secret = machine.variable("AWS_SECRET_ACCESS_KEY")?;
    let keys = AwsKeys {
        access_key_id,
        secret_access_key: SecretString::from(secret),
        session_token: machine
            .variable("AWS_SESSION_TOKEN")
            .map(SecretString::from),
    };
    let mut access = Access::new(Authorization::Aws(keys), "the variable `AWS_ACCESS_KEY_ID`");
    with_surroundings(&mut access, machine);
    Some(access)
}
