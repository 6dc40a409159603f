use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::credential::{KeychainProvider, NoSecrets, SecretProvider};

/// The names for templates of one step.
#[derive(Clone)]
#[non_exhaustive]
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

impl TemplateContext {
    /// Sets the execution that the step belongs to.
    #[must_use]
    pub fn with_execution_id(mut self, execution_id: impl Into<String>) -> Self {
        self.execution_id = execution_id.into();
        self
    }

    /// Sets the step's own name.
    #[must_use]
    pub fn with_step(mut self, step: impl Into<String>) -> Self {
        self.step = step.into();
        self
    }

    /// Sets the playbook's workload.
    #[must_use]
    pub fn with_workload(mut self, workload: Arc<Value>) -> Self {
        self.workload = workload;
        self
    }

    /// Sets the results of earlier steps by the step's name.
    #[must_use]
    pub fn with_results(mut self, results: BTreeMap<String, Arc<Value>>) -> Self {
        self.results = results;
        self
    }

    /// Sets further names, which hide results and the workload's keys.
    #[must_use]
    pub fn with_names(mut self, names: BTreeMap<String, Arc<Value>>) -> Self {
        self.names = names;
        self
    }

    /// Sets the source of `secret.NAME`.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<dyn SecretProvider>) -> Self {
        self.secrets = secrets;
        self
    }

    /// Sets the source of `keychain.NAME.FIELD`.
    #[must_use]
    pub fn with_keychain(mut self, keychain: Arc<dyn KeychainProvider>) -> Self {
        self.keychain = keychain;
        self
    }
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
