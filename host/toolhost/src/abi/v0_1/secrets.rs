//! Implementation of the `noetl:tool/secrets` interface.

use std::collections::HashSet;
use std::mem::size_of;
use std::sync::Arc;

use secrecy::SecretString;
use wasmtime::component::Resource;

use super::CallState;
use super::bindings::noetl::tool::secrets::{Host, HostSecret as HostSecretTrait, SecretEntry};
use super::bindings::noetl::tool::types;
use super::budget::{ByteBudget, Reservation};
use super::resources::{Entries, Entry, Format, HostSecret};
use crate::capability::{CapabilityError, Reason, VariableName};
use crate::sealing::Vault;

/// The maximum number of entries of one secret; an environment has a few dozen.
const MAX_ENTRIES: usize = 1_000;

impl Host for CallState {
    fn create_secret(
        &mut self,
        entries: Vec<SecretEntry>,
    ) -> wasmtime::Result<Result<Resource<HostSecret>, types::Error>> {
        let secret = HostSecret::new(entries, &self.budget).and_then(|secret| self.push(secret));
        Ok(secret.map_err(Into::into))
    }
}

impl HostSecretTrait for CallState {
    fn names(&mut self, secret: Resource<HostSecret>) -> wasmtime::Result<Vec<String>> {
        let names = self.get(&secret)?.names();
        Ok(names.map(str::to_owned).collect())
    }

    fn drop(&mut self, secret: Resource<HostSecret>) -> wasmtime::Result<()> {
        self.delete(secret)?;
        Ok(())
    }
}

impl HostSecret {
    fn new(entries: Vec<SecretEntry>, budget: &ByteBudget) -> Result<Self, CapabilityError> {
        if entries.len() > MAX_ENTRIES {
            let message = format!(
                "too many entries of a secret: at most {MAX_ENTRIES} are \
                                   allowed"
            );
            return Err(CapabilityError::new(Reason::TooLarge, message));
        }
        let bytes = |entry: &SecretEntry| {
            (entry.name.len() + entry.value.len() + size_of::<Entry>()) as u64
        };
        let reservation = budget.reserve(entries.iter().map(bytes).sum())?;
        let mut names = HashSet::new();
        let parse = |entry: SecretEntry| {
            let name = VariableName::try_from(entry.name)?;
            if !names.insert(name.clone()) {
                let message = format!("the variable `{name}` is given twice");
                return Err(CapabilityError::new(Reason::InvalidRequest, message));
            }
            let format = match entry.format.as_str() {
                "text" => Format::Text,
                "json" => Format::Json,
                other => {
                    let message = format!("unknown format `{other}` for a secret");
                    return Err(CapabilityError::new(Reason::Unsupported, message));
                }
            };
            Ok(Entry {
                name,
                template: entry.value,
                format,
            })
        };
        let entries = entries.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Entries {
            entries,
            _reservation: reservation,
        })))
    }

    /// The names of all entries.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The names of the entries whose values hold sealed references.
    pub(super) fn sealed_names(&self) -> impl Iterator<Item = &str> {
        let sealed = self.0.entries.iter();
        let sealed = sealed.filter(|entry| Vault::has_reference(&entry.template));
        sealed.map(|entry| entry.name.as_str())
    }

    /// Opens every reference, only for the environment of a job. The result is counted first: a reference of
    /// 39 bytes may stand for a megabyte, and may be repeated a thousand times.
    pub(super) fn open(
        &self,
        vault: &Vault,
        budget: &ByteBudget,
    ) -> Result<(Vec<(VariableName, SecretString)>, Reservation), CapabilityError> {
        let entries = &self.0.entries;
        let bytes = |entry: &Entry| {
            let opened = vault.opened_bytes(&entry.template);
            opened.saturating_add((entry.name.as_str().len() + size_of::<Entry>()) as u64)
        };
        let bytes = entries.iter().map(bytes).fold(0, u64::saturating_add);
        let reservation = budget.reserve(bytes)?;
        let open = |entry: &Entry| {
            let value = match entry.format {
                Format::Text => vault.open_text(&entry.template)?,
                Format::Json => vault.open_json(&entry.template)?,
            };
            Ok((entry.name.clone(), value))
        };
        let opened: Result<_, CapabilityError> = entries.iter().map(open).collect();
        Ok((opened?, reservation))
    }
}
