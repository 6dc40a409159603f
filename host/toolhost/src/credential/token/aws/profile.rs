use std::path::PathBuf;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::place::{Place, of_environment, region};
use super::role::Role;
use super::section::{Settings, Title, section};
use super::{metadata, process, role, sso, web_identity};
use crate::capability::{Access, Authorization, AwsKeys};
use crate::credential::token::source::Source;
use crate::credential::{CredentialError, Machine, read_secret};

/// Maximum number of chained roles. Amazon's own programs have no limit, and users do not need three.
const MAX_ROLES: usize = 5;

/// Both files with profiles.
struct Profiles<'machine> {
    owner: String,
    machine: &'machine Machine,
    config: Option<Zeroizing<String>>,
    credentials: Option<Zeroizing<String>>,
}

/// Returns the profile of a name, which must exist.
pub(super) async fn source(
    owner: &str,
    name: &str,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    let profiles = Profiles::read(owner, machine).await?;
    profiles.needed(name, &mut Vec::new())
}

/// Returns the profile in the environment, or else the one called `default`, if it has keys.
pub(super) async fn default(
    owner: &str,
    machine: &Machine,
) -> Result<Option<Source>, CredentialError> {
    if let Some(name) = machine.variable("AWS_PROFILE") {
        return source(owner, &name, machine).await.map(Some);
    }
    let profiles = Profiles::read(owner, machine).await?;
    match profiles.profile("default") {
        Some(profile) => profiles.keys("default", &profile, &mut Vec::new()),
        None => Ok(None),
    }
}

impl<'machine> Profiles<'machine> {
    async fn read(owner: &str, machine: &'machine Machine) -> Result<Self, CredentialError> {
        let read = async |variable: &str, usual: &str| {
            let path = machine.variable(variable).map(PathBuf::from);
            let path = path.or_else(|| machine.below_home(usual));
            let Some(path) = path.filter(|path| path.exists()) else {
                return Ok(None);
            };
            match read_secret(&path).await {
                Ok(text) => Ok(Some(Zeroizing::new(text))),
                Err(source) => Err(CredentialError::missing_file(owner, &path, source)),
            }
        };
        Ok(Self {
            owner: owner.to_owned(),
            machine,
            config: read("AWS_CONFIG_FILE", ".aws/config").await?,
            credentials: read("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials").await?,
        })
    }

    /// Returns the settings of a profile from both files; the file of credentials takes precedence. None where neither
    /// has it.
    fn profile(&self, name: &str) -> Option<Settings> {
        let config = self.config.as_ref();
        let config = config.and_then(|text| section(text, Title::Profile(name)));
        let credentials = self.credentials.as_ref();
        let credentials = credentials.and_then(|text| section(text, Title::Plain(name)));
        let mut settings = config.or_else(|| credentials.is_some().then(Settings::new))?;
        settings.extend(credentials.unwrap_or_default());
        Some(settings)
    }

    /// Returns the profile of a name, which must exist, for the chain of these roles.
    fn needed(&self, name: &str, roles: &mut Vec<String>) -> Result<Source, CredentialError> {
        // An unknown name may be a secret in the wrong place.
        let profile = self.profile(name).ok_or_else(|| CredentialError::Unknown {
            owner: format!("the profile of {}", self.owner),
            suggestion: None,
            known: Vec::new(),
        })?;
        let keys = self.keys(name, &profile, roles)?;
        keys.ok_or_else(|| self.incomplete(name, "keys"))
    }

    /// Returns the source of a profile's keys, in the order of Amazon's own programs.
    fn keys(
        &self,
        name: &str,
        profile: &Settings,
        roles: &mut Vec<String>,
    ) -> Result<Option<Source>, CredentialError> {
        let text = |key: &str| profile.get(key).map(|value| value.as_str().to_owned());
        let place = self.place(profile);
        if let Some(arn) = text("role_arn")
            && let Some(keys) = self.keys_of_role(name, profile, roles)?
        {
            if text("mfa_serial").is_some() {
                return Err(CredentialError::NotSupported {
                    owner: self.owner_of(name),
                    problem: "requires a second factor (`mfa_serial`)".to_owned(),
                });
            }
            let role = Role {
                arn,
                session: text("role_session_name"),
                external_id: text("external_id"),
                duration_seconds: text("duration_seconds"),
            };
            let owner = self.owner_of(name);
            return role::source(&owner, role, keys, place, self.machine).map(Some);
        }
        if profile.contains_key("aws_access_key_id") {
            return self.static_keys(name, profile).map(Some);
        }
        if let (Some(role), Some(file)) = (text("role_arn"), text("web_identity_token_file")) {
            let (owner, session) = (&self.owner, text("role_session_name"));
            let source =
                web_identity::source(owner, role, file.into(), session, place, self.machine);
            return source.map(Some);
        }
        if let Some(session) = text("sso_session") {
            let config = self.config.as_ref();
            let settings = config.and_then(|text| section(text, Title::Session(&session)));
            let missing = "section `[sso-session …]` of the name in its `sso_session`";
            let settings = settings.ok_or_else(|| self.incomplete(name, missing))?;
            let session = Some((session.as_str(), &settings));
            return sso::source(&self.owner, name, profile, session, place, self.machine).map(Some);
        }
        if profile.contains_key("sso_start_url") {
            return sso::source(&self.owner, name, profile, None, place, self.machine).map(Some);
        }
        if let Some(line) = text("credential_process") {
            return process::source(&self.owner, name, &line, place).map(Some);
        }
        Ok(None)
    }

    /// Returns the keys with which a profile assumes its role; none where it uses another method.
    fn keys_of_role(
        &self,
        name: &str,
        profile: &Settings,
        roles: &mut Vec<String>,
    ) -> Result<Option<Source>, CredentialError> {
        let text = |key: &str| profile.get(key).map(|value| value.as_str());
        if let Some(source) = text("source_profile") {
            // Its own keys, and not its role again.
            if source == name {
                return self.static_keys(name, profile).map(Some);
            }
            roles.push(name.to_owned());
            if roles.iter().any(|role| role == source) || roles.len() > MAX_ROLES {
                let problem = format!(
                    "has a `source_profile` that is circular, or a chain of more than {MAX_ROLES} roles"
                );
                return Err(CredentialError::malformed(&self.owner_of(name), problem));
            }
            return self.needed(source, roles).map(Some);
        }
        let Some(source) = text("credential_source") else {
            return Ok(None);
        };
        let owner = self.owner_of(name);
        let found = match source {
            "Environment" => of_environment(self.machine).map(Source::Given),
            "Ec2InstanceMetadata" => metadata::instance(&owner, self.machine),
            "EcsContainer" => metadata::container(&owner, self.machine)?,
            _ => {
                let problem = "has a `credential_source` that is neither `Environment`, nor \
                     `Ec2InstanceMetadata`, nor `EcsContainer`";
                return Err(CredentialError::malformed(&owner, problem));
            }
        };
        let missing = "keys at its `credential_source`";
        found
            .ok_or_else(|| self.incomplete(name, missing))
            .map(Some)
    }

    fn static_keys(&self, name: &str, profile: &Settings) -> Result<Source, CredentialError> {
        let text = |key: &str| profile.get(key).map(|value| value.as_str().to_owned());
        let needed =
            |key: &str| text(key).ok_or_else(|| self.incomplete(name, &format!("`{key}`")));
        let keys = AwsKeys {
            access_key_id: needed("aws_access_key_id")?,
            secret_access_key: SecretString::from(needed("aws_secret_access_key")?),
            session_token: text("aws_session_token").map(SecretString::from),
        };
        let mut access = Access::new(Authorization::Aws(keys), format!("the profile `{name}`"));
        self.place(profile).complete(&mut access, self.machine);
        Ok(Source::Given(access))
    }

    fn place(&self, profile: &Settings) -> Place {
        let text = |key: &str| profile.get(key).map(|value| value.as_str().to_owned());
        Place {
            region: region(self.machine).or_else(|| text("region")),
            endpoint: text("endpoint_url"),
            path_style: text("addressing_style").map(|style| style == "path"),
        }
    }

    fn owner_of(&self, name: &str) -> String {
        format!("the profile `{name}` of {}", self.owner)
    }

    fn incomplete(&self, name: &str, missing: &str) -> CredentialError {
        CredentialError::Incomplete {
            owner: self.owner_of(name),
            missing: missing.to_owned(),
        }
    }
}
