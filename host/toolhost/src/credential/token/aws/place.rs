//! Where keys are used, including the settings of the environment.

use secrecy::SecretString;

use crate::capability::{Access, Authorization, AwsKeys};
use crate::credential::Machine;
use crate::http::amazon_host;

/// Settings of the service rather than of keys. The environment takes precedence over a profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) path_style: Option<bool>,
}

pub(super) fn of_environment(machine: &Machine) -> Option<Access> {
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
    Place::default().complete(&mut access, machine);
    Some(access)
}

pub(super) fn region(machine: &Machine) -> Option<String> {
    let region = machine.variable("AWS_REGION");
    region.or_else(|| machine.variable("AWS_DEFAULT_REGION"))
}

/// Returns the server of a service in a region.
pub(super) fn server(service: &str, region: &str) -> String {
    format!("https://{}/", amazon_host(service, region))
}

impl Place {
    /// Adds the settings to keys without settings of their own.
    pub(super) fn complete(&self, access: &mut Access, machine: &Machine) {
        let known = access.region.take();
        access.region = known
            .or_else(|| self.region.clone())
            .or_else(|| region(machine));
        let known = access.endpoint.take();
        access.endpoint = known
            .or_else(|| machine.variable("AWS_ENDPOINT_URL_S3"))
            .or_else(|| machine.variable("AWS_ENDPOINT_URL"))
            .or_else(|| self.endpoint.clone());
        access.path_style = access.path_style.or(self.path_style);
    }
}
