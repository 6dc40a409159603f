use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use toolhost_capability::CapabilityError;
use toolhost_capability::request::conflict;
use toolhost_capability::sync::lock;

/// The names of the jobs that run.
pub(crate) type Names = Mutex<BTreeSet<String>>;

/// The name of a running job; free again when dropped.
#[derive(Debug)]
pub(crate) struct RunningName {
    name: String,
    names: Arc<Names>,
}

impl RunningName {
    pub(crate) fn claim(name: &str, names: &Arc<Names>) -> Result<Self, CapabilityError> {
        if !lock(names).insert(name.to_owned()) {
            return Err(conflict(name));
        }
        Ok(Self {
            name: name.to_owned(),
            names: Arc::clone(names),
        })
    }
}

impl Drop for RunningName {
    fn drop(&mut self) {
        lock(&self.names).remove(&self.name);
    }
}
