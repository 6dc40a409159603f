use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::{Error, Result, code};

/// Options as names with JSON values. A value that cannot be written as JSON is kept as an error of the call
/// that the options are for, so that builders do not return results.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    values: Vec<(Cow<'static, str>, String)>,
    failure: Option<Error>,
}

impl Options {
    pub(crate) fn set<T: Serialize + ?Sized>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: &T,
    ) {
        let name = name.into();
        match serde_json::to_string(value) {
            Ok(json) => self.values.push((name, json)),
            Err(error) => {
                self.failure.get_or_insert_with(|| {
                    let message =
                        alloc::format!("option `{name}` cannot be written as JSON: {error}");
                    Error::new(code::INVALID_REQUEST, message)
                });
            }
        }
    }

    /// Sets a value that is already JSON.
    pub(crate) fn set_json(&mut self, name: impl Into<Cow<'static, str>>, json: String) {
        self.values.push((name.into(), json));
    }

    /// Every name with its JSON, as passed to the host.
    pub(crate) fn pairs(&self) -> Result<Vec<(&str, &str)>> {
        match &self.failure {
            None => Ok(self
                .values
                .iter()
                .map(|(name, json)| (name.as_ref(), json.as_str()))
                .collect()),
            Some(error) => Err(error.clone()),
        }
    }
}
