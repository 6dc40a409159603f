//! Fetching, within the grants of the tool and the names in its call.

use std::sync::Arc;

use serde_json::Value;

use super::CallScope;
use crate::capability::{CapabilityError, FetchRequest, Object, OpenedSecrets};
use crate::sealing::{ExecutionSecrets, SecretOrigin};

impl CallScope {
    /// Fetches an object that the tool may have.
    ///
    /// # Errors
    ///
    /// Those of [`ObjectSource::fetch`](crate::capability::ObjectSource::fetch), and
    /// [`Reason::Denied`](crate::capability::Reason::Denied) before anything is done.
    pub(crate) async fn fetch(&self, mut request: FetchRequest) -> Result<Object, CapabilityError> {
        let policy = Arc::clone(&self.context.fetch_policy);
        policy.check_request(&request)?;
        if let Some(credential) = &request.options.credential
            && !is_named(&self.context.config, credential)
        {
            policy.check_credential(credential, &request)?;
        }
        // The source checks every redirect, and which server gets which credential.
        request.options.policy = policy;
        request.options.opened = Some(Arc::new(Opened(self.vault.execution().clone())));
        self.backends.objects.fetch(request).await
    }
}

/// Registers the secrets that are opened for a fetch for redaction in the execution.
struct Opened(ExecutionSecrets);

impl OpenedSecrets for Opened {
    fn remember(&self, secret: &str) {
        self.0.remember(secret, SecretOrigin::Access);
    }
}

/// Whether a name is a whole string value in a configuration, and not a key or a part.
fn is_named(config: &str, name: &str) -> bool {
    serde_json::from_str(config).is_ok_and(|config| holds_text(&config, name))
}

fn holds_text(config: &Value, wanted: &str) -> bool {
    match config {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text == wanted,
        Value::Array(items) => items.iter().any(|item| holds_text(item, wanted)),
        Value::Object(members) => members.values().any(|member| holds_text(member, wanted)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_must_be_a_whole_value_of_the_configuration() {
        let config = json!({"a": ["x", {"auth": "api\"1"}], "key": 1, "long": "api api"});
        let config = config.to_string();
        assert!(is_named(&config, "api\"1"));
        for absent in ["key", "api", "1", "api ", ""] {
            assert!(!is_named(&config, absent), "{absent}");
        }
        assert!(!is_named("", "api"));
    }
}
