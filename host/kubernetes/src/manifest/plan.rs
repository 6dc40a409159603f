//! The objects in a form that may be shown.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use toolhost_capability::{CapabilityError, Reason};

use super::Manifest;
use super::storage::{Placement, SCRIPT_KEY};

/// Placeholder for the uid that the cluster assigns to the Job.
const JOB_UID: &str = "<uid of the Job>";

impl Manifest {
    /// Returns the objects in the order in which they are created: the Job, the Secret, and ConfigMaps.
    ///
    /// A value of the Secret, and a script that is not in the Job, is replaced by its key in angle brackets.
    ///
    /// # Errors
    ///
    /// [`Reason::Internal`] where an object cannot be written as JSON.
    pub(crate) fn shown(&self) -> Result<Vec<Value>, CapabilityError> {
        let is_suspended = self.is_queued() || !self.is_in_job;
        let mut objects = vec![as_value(&self.job(is_suspended))?];
        if self.has_secret {
            let names = self.secret.iter().map(|(name, _)| name.as_str());
            let script = (self.placement == Placement::Secret).then_some(SCRIPT_KEY);
            let mut secret = self.empty_secret(JOB_UID);
            secret.string_data = Some(names.chain(script).map(placeholder).collect());
            objects.push(as_value(&secret)?);
        }
        for mut config_map in self.config_maps(JOB_UID) {
            config_map.data = Some(BTreeMap::from([placeholder(SCRIPT_KEY)]));
            config_map.binary_data = None;
            objects.push(as_value(&config_map)?);
        }
        Ok(objects)
    }
}

fn placeholder(key: &str) -> (String, String) {
    (key.to_owned(), format!("<{key}>"))
}

fn as_value(object: &impl Serialize) -> Result<Value, CapabilityError> {
    serde_json::to_value(object).map_err(|error| {
        let message = format!("cannot write an object as JSON: {error}");
        CapabilityError::new(Reason::Internal, message)
    })
}
