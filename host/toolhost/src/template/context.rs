use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::credential::{KeychainProvider, NoSecrets, SecretProvider};

/// The names for templates of one step.
#[derive(Clone)]
pub struct TemplateContext {
    /// The execution that the step belongs to.
    pub execution_id: String,
    /// The step's own name.
    pub step: String,
    /// The playbook's workload.
    pub workload: Arc<Value>,
    /// Results of earlier steps by the step's name.
    pub results: BTreeMap<String, Arc<Value>>,
    /// Further names, which hide results and the workload's keys.
    pub names: BTreeMap<String, Arc<Value>>,
    /// The source of `secret.NAME`.
    pub secrets: Arc<dyn SecretProvider>,
    /// The source of `keychain.NAME.FIELD`.
    pub keychain: Arc<dyn KeychainProvider>,
}

impl Default for TemplateContext {
    /// A context without values and secrets.
    fn default() -> Self {
        Self {
            execution_id: String::new(),
            step: String::new(),
            workload: Arc::new(Value::Object(serde_json::Map::new())),
            results: BTreeMap::new(),
            names: BTreeMap::new(),
            secrets: Arc::new(NoSecrets),
            keychain: Arc::new(NoSecrets),
        }
    }
}

impl fmt::Debug for TemplateContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TemplateContext")
            .field("execution_id", &self.execution_id)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
