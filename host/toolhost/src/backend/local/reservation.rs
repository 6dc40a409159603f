use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use crate::capability::CapabilityError;
use crate::capability::request::conflict;
use crate::capability::sync::lock;

/// The name of a running job; free again when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    names: Arc<Mutex<HashSet<String>>>,
    name: String,
}

impl Reservation {
    pub(super) fn new(
        names: &Arc<Mutex<HashSet<String>>>,
        name: &str,
    ) -> Result<Self, CapabilityError> {
        if !lock(names).insert(name.to_owned()) {
            return Err(conflict(name));
        }
        Ok(Self {
            names: Arc::clone(names),
            name: name.to_owned(),
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        lock(&self.names).remove(&self.name);
    }
}
