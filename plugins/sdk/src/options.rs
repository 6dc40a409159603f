use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::{Error, Result, code};

/// Options as names with JSON values. What could not be written as JSON is kept as the error of the
/// call that the options are for, so that builders need no result of their own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    values: Vec<(String, String)>,
    failure: Option<Error>,
}

impl Options {
    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        match serde_json::to_string(value) {
            Ok(json) => self.values.push((name.to_string(), json)),
            Err(error) => {
                self.failure.get_or_insert_with(|| {
                    let message =
                        alloc::format!("option `{name}` cannot be written as JSON: {error}");
                    Error::new(code::INVALID_REQUEST, message)
                });
            }
        }
    }

    pub(crate) fn into_values(self) -> Result<Vec<(String, String)>> {
        match self.failure {
            None => Ok(self.values),
            Some(error) => Err(error),
        }
    }
}
