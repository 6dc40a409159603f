use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::surroundings::{region, with_surroundings};
use super::web_identity;
use crate::capability::{Access, Authorization, AwsKeys};
use crate::credential::token::source::Source;
use crate::credential::{CredentialError, Machine, read_secret};

/// The settings of one profile, from both files.
type Settings = BTreeMap<String, Zeroizing<String>>;

/// The profile of a name, which must be there.
pub(super) async fn source(
    owner: &str,
    name: &str,
    machine: &Machine,
) -> Result<Source, CredentialError> {
    let profile = read(owner, name, machine).await?;
    // A name that is none may be a secret that was written in its place.
    let profile = profile.ok_or_else(|| CredentialError::Unknown {
        owner: format!("the profile of {owner}"),
        suggestion: None,
        known: Vec::new(),
    })?;
    match of_settings(owner, name, &profile, machine)? {
        Some(source) => Ok(source),
        None => Err(CredentialError::Incomplete {
            owner: format!("the profile `{name}` of {owner}"),
            missing: "keys".to_owned(),
        }),
    }
}

/// The profile that the environment names, or else the one called `default`, if it has keys.
pub(super) async fn default(
    owner: &str,
    machine: &Machine,
) -> Result<Option<Source>, CredentialError> {
    if let Some(name) = machine.variable("AWS_PROFILE") {
        return source(owner, &name, machine).await.map(Some);
    }
    match read(owner, "default", machine).await? {
        Some(profile) => of_settings(owner, "default", &profile, machine),
        None => Ok(None),
    }
}

fn of_settings(
    owner: &str,
    name: &str,
    profile: &Settings,
    machine: &Machine,
) -> Result<Option<Source>, CredentialError> {
    let text = |key: &str| profile.get(key).map(|value| value.as_str().to_owned());
    let region = region(machine).or_else(|| text("region"));
    if let Some(access_key_id) = text("aws_access_key_id") {
        let secret = text("aws_secret_access_key").ok_or_else(|| CredentialError::Incomplete {
            owner: format!("the profile `{name}` of {owner}"),
            missing: "`aws_secret_access_key`".to_owned(),
        })?;
        let keys = AwsKeys {
            access_key_id,
            secret_access_key: SecretString::from(secret),
            session_token: text("aws_session_token").map(SecretString::from),
        };
        let mut access = Access::new(Authorization::Aws(keys), format!("the profile `{name}`"));
        access.region = region;
        access.path_style = text("addressing_style").map(|style| style == "path");
        with_surroundings(&mut access, machine);
        if access.endpoint.is_none() {
            access.endpoint = text("endpoint_url");
        }
        return Ok(Some(Source::Given(access)));
    }
    if let (Some(role), Some(file)) = (text("role_arn"), text("web_identity_token_file")) {
        let session = text("role_session_name");
        let source = web_identity::source(owner, role, file.into(), session, region, machine);
        return source.map(Some);
    }
    for (key, problem) in [
        ("source_profile", "takes a role of another profile's keys"),
        ("credential_source", "takes a role of another source's keys"),
        ("credential_process", "has a `credential_process`"),
        ("sso_session", "signs in through a browser"),
        ("sso_start_url", "signs in through a browser"),
    ] {
        if profile.contains_key(key) {
            return Err(CredentialError::NotSupported {
                owner: format!("the profile `{name}` of {owner}"),
                problem: problem.to_owned(),
            });
        }
    }
    Ok(None)
}

/// What both files say about a profile; the file of credentials wins. None where neither knows it.
async fn read(
    owner: &str,
    name: &str,
    machine: &Machine,
) -> Result<Option<Settings>, CredentialError> {
    let path = |variable: &str, usual: &str| {
        let path = machine.variable(variable).map(PathBuf::from);
        path.or_else(|| machine.below_home(usual))
    };
    let config = path("AWS_CONFIG_FILE", ".aws/config");
    let credentials = path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    let mut settings = None;
    // In the file of settings, the sections of profiles are called `profile NAME`.
    for (path, is_config) in [(config, true), (credentials, false)] {
        let Some(path) = path.filter(|path| path.exists()) else {
            continue;
        };
        let text = match read_secret(&path).await {
            Ok(text) => Zeroizing::new(text),
            Err(source) => return Err(CredentialError::missing_file(owner, &path, source)),
        };
        if let Some(found) = section(&text, name, is_config) {
            settings.get_or_insert_with(Settings::new).extend(found);
        }
    }
    Ok(settings)
}

/// The settings of a section. An indented line belongs to the setting before it, as `addressing_style`
/// does to `s3 =`; those are taken under their own names.
fn section(text: &str, name: &str, is_config: bool) -> Option<Settings> {
    let mut settings = None;
    let mut is_ours = false;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            let title = title.trim();
            let of_profile = title
                .strip_prefix("profile")
                .filter(|rest| rest.starts_with([' ', '\t']));
            is_ours = match of_profile {
                Some(rest) => is_config && rest.trim().trim_matches(['"', '\'']) == name,
                None => title == name && (!is_config || name == "default"),
            };
            if is_ours {
                settings.get_or_insert_with(Settings::new);
            }
        } else if is_ours && let Some((key, value)) = line.split_once('=') {
            let value = value.trim();
            // A comment begins with a space, since keys hold `#` themselves.
            let value = value.split(" #").next().unwrap_or(value).trim_end();
            if !value.is_empty() {
                let key = key.trim().to_ascii_lowercase();
                settings
                    .get_or_insert_with(Settings::new)
                    .insert(key, Zeroizing::new(value.to_owned()));
            }
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart_by_their_file() {
        let text = "[default]\nregion = a\n[profile dev]\n# comment\nregion=b # why\ns3 =\n  addressing_style = path\n[dev]\nregion = c\n";
        let region = |name, is_config| {
            let settings = section(text, name, is_config)?;
            settings.get("region").map(|value| value.to_string())
        };
        assert_eq!(region("default", true).as_deref(), Some("a"));
        assert_eq!(region("default", false).as_deref(), Some("a"));
        assert_eq!(region("dev", true).as_deref(), Some("b"));
        assert_eq!(region("dev", false).as_deref(), Some("c"));
        assert_eq!(region("other", true), None);
        let dev = section(text, "dev", true).unwrap();
        assert_eq!(dev["addressing_style"].as_str(), "path");
    }
}
