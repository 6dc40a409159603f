//! Implementation of the `noetl:tool/secrets` interface.

use std::collections::HashSet;

use secrecy::SecretString;
use wasmtime::component::Resource;

use super::CallState;
use super::bindings::noetl::tool::secrets::{Host, HostSecret as HostSecretTrait, SecretEntry};
use super::bindings::noetl::tool::types;
use crate::capability::{CapabilityError, Reason};
use crate::sealing::Vault;

/// A secret that a guest holds: what it gave, with references still sealed.
#[derive(Debug, Clone)]
pub struct HostSecret {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    template: String,
    format: Format,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Text,
    Json,
}

/// The most entries of one secret; an environment has a few dozen.
const MAX_ENTRIES: usize = 1_000;

impl Host for CallState {
    fn create_secret(
        &mut self,
        entries: Vec<SecretEntry>,
    ) -> wasmtime::Result<Result<Resource<HostSecret>, types::Error>> {
        let secret = HostSecret::new(entries).and_then(|secret| self.push(secret));
        Ok(secret.map_err(Into::into))
    }
}

impl HostSecretTrait for CallState {
    fn drop(&mut self, secret: Resource<HostSecret>) -> wasmtime::Result<()> {
        self.delete(secret)?;
        Ok(())
    }
}

impl HostSecret {
    fn new(entries: Vec<SecretEntry>) -> Result<Self, CapabilityError> {
        if entries.len() > MAX_ENTRIES {
            let message = format!("a secret has at most {MAX_ENTRIES} entries");
            return Err(CapabilityError::new(Reason::TooLarge, message));
        }
        let mut names = HashSet::new();
        let parse = |entry: SecretEntry| {
            if !is_variable_name(&entry.name) {
                let message = format!("`{}` is no name for a variable", entry.name);
                let hint = "use letters, digits and `_`, and do not begin with a digit";
                return Err(CapabilityError::new(Reason::InvalidRequest, message).with_hint(hint));
            }
            if !names.insert(entry.name.clone()) {
                let message = format!("the variable `{}` is given twice", entry.name);
                return Err(CapabilityError::new(Reason::InvalidRequest, message));
            }
            let format = match entry.format.as_str() {
                "text" => Format::Text,
                "json" => Format::Json,
                other => {
                    let message = format!("there is no format `{other}` for a secret");
                    return Err(CapabilityError::new(Reason::Unsupported, message));
                }
            };
            Ok(Entry {
                name: entry.name,
                template: entry.value,
                format,
            })
        };
        let entries = entries.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Opens every reference: for the environment of a job, and nothing else.
    pub(super) fn open(
        &self,
        vault: &Vault,
    ) -> Result<Vec<(String, SecretString)>, CapabilityError> {
        let open = |entry: &Entry| {
            let value = match entry.format {
                Format::Text => vault.open_text(&entry.template)?,
                Format::Json => vault.open_json(&entry.template)?,
            };
            Ok((entry.name.clone(), value))
        };
        self.entries.iter().map(open).collect()
    }
}

fn is_variable_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}
