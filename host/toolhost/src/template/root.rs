use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use serde_json::Value as Json;

use super::context::TemplateContext;
use super::data::Data;
use super::evaluation::Evaluation;
use super::missing::Missing;
use super::secrets::{KeychainNames, SecretNames};

/// The names with a fixed meaning, whatever the names of steps and the workload.
const FIXED_NAMES: [&str; 5] = ["workload", "secret", "keychain", "steps", "execution_id"];
/// The functions of the language, which are also suggested for a missing name.
const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];

/// All names for a template.
pub(super) struct Root {
    pub(super) context: Arc<TemplateContext>,
    pub(super) evaluation: Arc<Evaluation>,
}

impl Root {
    fn fixed(&self, name: &str) -> Option<Value> {
        let evaluation = &self.evaluation;
        Some(match name {
            "workload" => Data::value(&self.context.workload, name, evaluation),
            "secret" => Value::from_object(SecretNames {
                provider: Arc::clone(&self.context.secrets),
                evaluation: Arc::clone(evaluation),
            }),
            "keychain" => Value::from_object(self.keychain()),
            "steps" => Value::from_object(Steps {
                context: Arc::clone(&self.context),
                evaluation: Arc::clone(evaluation),
            }),
            "execution_id" => Value::from(self.context.execution_id.as_str()),
            _ => return None,
        })
    }

    fn keychain(&self) -> KeychainNames {
        KeychainNames {
            provider: Arc::clone(&self.context.keychain),
            evaluation: Arc::clone(&self.evaluation),
        }
    }

    fn workload_key(&self, name: &str) -> Option<Value> {
        // Checked first, because the object would record a missing name.
        self.context.workload.get(name)?;
        Data::value(&self.context.workload, "workload", &self.evaluation)
            .get_attr(name)
            .ok()
    }

    fn siblings(&self) -> Vec<String> {
        let workload = match &*self.context.workload {
            Json::Object(members) => members.keys().cloned().collect(),
            _ => Vec::new(),
        };
        let fixed = FIXED_NAMES.into_iter().map(str::to_owned);
        fixed
            .chain(self.context.names.keys().cloned())
            .chain(self.context.results.keys().cloned())
            .chain(workload)
            .chain(FUNCTIONS.into_iter().map(str::to_owned))
            .collect()
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        if let Some(value) = self.fixed(name) {
            return Some(value);
        }
        if let Some(value) = self.context.names.get(name) {
            return Some(Data::value(value, name, &self.evaluation));
        }
        if let Some(result) = self.context.results.get(name) {
            return Some(Data::result(result, name, &self.evaluation));
        }
        if let Some(value) = self.workload_key(name) {
            return Some(value);
        }
        if name == "step" {
            return Some(Value::from(self.context.step.as_str()));
        }
        if FUNCTIONS.contains(&name) {
            return None;
        }
        if self
            .context
            .keychain
            .entry_names()
            .iter()
            .any(|entry| entry == name)
        {
            return self.keychain().entry(name, name.to_owned());
        }
        Missing::lookup(&self.evaluation, name.to_owned(), name, self.siblings())
    }
}

/// `steps`: the results of earlier steps, also of those whose names are hidden by something else.
struct Steps {
    context: Arc<TemplateContext>,
    evaluation: Arc<Evaluation>,
}

impl Object for Steps {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let path = format!("steps.{name}");
        if let Some(result) = self.context.results.get(name) {
            return Some(Data::result(result, &path, &self.evaluation));
        }
        let siblings = self.context.results.keys().cloned();
        Missing::lookup(&self.evaluation, path, name, siblings)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.context.results.keys().map(Value::from).collect())
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Root")
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Steps")
    }
}
