//! Who may do what: an allow list by default of everything, and denials.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::call::Call;
use crate::status::{Refusal, qualified};

/// Says whether a request is allowed.
pub type Authorizer = dyn Fn(&Call) -> bool + Send + Sync;

/// The rights of the one user.
pub(crate) struct Rights {
    user: String,
    authorizer: Option<std::sync::Arc<Authorizer>>,
    denied: Mutex<Vec<(String, String)>>,
}

impl fmt::Debug for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rights")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Rights {
    pub(crate) fn new(user: &str, authorizer: Option<std::sync::Arc<Authorizer>>) -> Self {
        Self {
            user: user.to_owned(),
            authorizer,
            denied: Mutex::default(),
        }
    }

    /// Denies a verb on a resource (`pods/log`) from now on; `*` stands for any.
    pub(crate) fn deny(&self, verb: &str, resource: &str) {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.push((verb.to_owned(), resource.to_owned()));
    }

    /// Allows again what was denied.
    pub(crate) fn allow(&self, verb: &str, resource: &str) {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.retain(|(one, other)| one != verb || other != resource);
    }

    /// # Errors
    ///
    /// `Forbidden`, in the words of RBAC.
    pub(crate) fn check(&self, call: &Call) -> Result<(), Refusal> {
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let resource = call.full_resource();
        let is_denied = denied.iter().any(|(verb, denied)| {
            (verb == "*" || *verb == call.verb) && (denied == "*" || *denied == resource)
        });
        let is_allowed = self.authorizer.as_ref().is_none_or(|may| may(call));
        if is_allowed && !is_denied {
            return Ok(());
        }
        Err(self.forbidden(call, &resource))
    }

    fn forbidden(&self, call: &Call, resource: &str) -> Refusal {
        let mut what = qualified(&call.resource, &call.group);
        if !call.name.is_empty() {
            what = format!("{what} \"{}\"", call.name);
        }
        let scope = if call.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", call.namespace)
        };
        let (user, verb, group) = (&self.user, &call.verb, &call.group);
        let message = format!(
            "{what} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \
             \"{group}\" {scope}"
        );
        Refusal::new(403, "Forbidden", message)
            .with("name", call.name.as_str())
            .with("group", call.group.as_str())
            .with("kind", call.resource.as_str())
    }
}
