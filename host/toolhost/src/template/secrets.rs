use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, Serde};

use super::evaluation::{Answer, Evaluation, Request};
use super::missing::Missing;
use crate::credential::{KeychainProvider, SecretProvider};

/// `secret` in a template.
pub(super) struct SecretNames {
    pub(super) provider: Arc<dyn SecretProvider>,
    pub(super) evaluation: Arc<Evaluation>,
}

/// `keychain` in a template.
pub(super) struct KeychainNames {
    pub(super) provider: Arc<dyn KeychainProvider>,
    pub(super) evaluation: Arc<Evaluation>,
}

/// `keychain.ENTRY` in a template.
pub(super) struct KeychainFields {
    entry: String,
    fields: Vec<String>,
    evaluation: Arc<Evaluation>,
}

impl KeychainNames {
    /// An entry of the keychain, under the path by which the template names it.
    pub(super) fn entry(&self, entry: &str, path: String) -> Option<Value> {
        self.evaluation.touch();
        let request = Request::KeychainFields(entry.to_owned());
        match self.evaluation.ask(&request) {
            Ok(Answer::Names(fields)) => Some(Value::from_object(KeychainFields {
                entry: entry.to_owned(),
                fields,
                evaluation: Arc::clone(&self.evaluation),
            })),
            Ok(_) => Missing::lookup(&self.evaluation, path, entry, self.provider.entry_names()),
            Err(pending) => Some(pending),
        }
    }
}

impl Object for SecretNames {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        self.evaluation.touch();
        match self.evaluation.ask(&Request::Secret(name.to_owned())) {
            Ok(Answer::Value(secret)) => Some(Value::from(Serde(secret.expose()))),
            Ok(_) => {
                let path = format!("secret.{name}");
                Missing::lookup(&self.evaluation, path, name, self.provider.secret_names())
            }
            Err(pending) => Some(pending),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.evaluation.touch();
        names(self.provider.secret_names())
    }
}

impl Object for KeychainNames {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let entry = key.as_str()?;
        self.entry(entry, format!("keychain.{entry}"))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.evaluation.touch();
        names(self.provider.entry_names())
    }
}

impl Object for KeychainFields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let field = key.as_str()?;
        self.evaluation.touch();
        let request = Request::KeychainField(self.entry.clone(), field.to_owned());
        match self.evaluation.ask(&request) {
            Ok(Answer::Value(secret)) => Some(Value::from(Serde(secret.expose()))),
            Ok(_) => {
                let path = format!("keychain.{}.{field}", self.entry);
                Missing::lookup(&self.evaluation, path, field, self.fields.iter().cloned())
            }
            Err(pending) => Some(pending),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.evaluation.touch();
        names(self.fields.clone())
    }
}

fn names(names: Vec<String>) -> Enumerator {
    Enumerator::Values(names.into_iter().map(Value::from).collect())
}

macro_rules! shows_nothing {
    ($($name:ident),+) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(stringify!($name))
            }
        })+
    };
}

shows_nothing!(SecretNames, KeychainNames, KeychainFields);
