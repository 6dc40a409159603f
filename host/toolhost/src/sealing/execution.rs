use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::forms::MIN_SECRET_BYTES;
use super::redactor::Redactor;
use crate::capability::sync::lock;

/// The secrets of one execution: every text that must be redacted from what leaves any of its calls.
///
/// Clones share their secrets. A playbook run has one for all its steps; an embedder that runs the steps of
/// an execution itself passes one to each call, with
/// [`CallRequest::with_secrets`](crate::host::CallRequest::with_secrets). It only grows, and a text is
/// redacted from the time it is added. Its `Debug` output only has the number of texts.
#[derive(Clone, Default)]
pub struct ExecutionSecrets(Arc<Shared>);

/// How a secret came into an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretOrigin {
    /// A template used it, and it is sealed from the tool.
    Configuration,
    /// It was opened for a server that an object was fetched from, such as an access token. The server knows it.
    Access,
}

#[derive(Default)]
struct Shared {
    texts: Mutex<HashMap<SecretText, SecretOrigin>>,
    /// The number of texts, readable without the lock.
    count: AtomicUsize,
    built: Mutex<Built>,
}

/// The redactor, and the number of texts that it covers.
#[derive(Default)]
struct Built {
    count: usize,
    redactor: Option<Arc<Redactor>>,
}

/// A secret that can be looked up.
struct SecretText(SecretString);

impl ExecutionSecrets {
    /// An execution without secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text. One that is too short to be searched for is ignored.
    pub fn remember(&self, text: &str, origin: SecretOrigin) {
        if text.trim().len() < MIN_SECRET_BYTES {
            return;
        }
        let mut texts = self.texts();
        if let Some(known) = texts.get_mut(text) {
            if origin == SecretOrigin::Configuration {
                *known = origin;
            }
            return;
        }
        texts.insert(SecretText(SecretString::from(text.to_owned())), origin);
        self.0.count.store(texts.len(), Ordering::Release);
    }

    /// Adds every string and number of a value, as [`remember`](Self::remember) does a text.
    pub fn remember_value(&self, value: &Value, origin: SecretOrigin) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.remember(&number.to_string(), origin),
            Value::String(text) => self.remember(text, origin),
            Value::Array(items) => {
                for item in items {
                    self.remember_value(item, origin);
                }
            }
            Value::Object(members) => {
                for member in members.values() {
                    self.remember_value(member, origin);
                }
            }
        }
    }

    /// Whether it has no texts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The redactor of all texts known so far; `None` if there are none.
    ///
    /// It is built on first use, and again after texts were added.
    #[must_use]
    pub fn redactor(&self) -> Option<Arc<Redactor>> {
        if self.is_empty() {
            return None;
        }
        let mut built = lock(&self.0.built);
        if built.count != self.count() {
            let texts: Vec<_> = {
                let texts = self.texts();
                built.count = texts.len();
                texts.keys().map(|text| text.0.clone()).collect()
            };
            built.redactor = Redactor::new(&texts).map(Arc::new);
        }
        built.redactor.clone()
    }

    /// As [`redactor`](Self::redactor), only for the secrets that are sealed from tools; built each time.
    #[must_use]
    pub fn redactor_of_configuration(&self) -> Option<Redactor> {
        let sealed = |(text, origin): (&SecretText, &SecretOrigin)| {
            (*origin == SecretOrigin::Configuration).then(|| text.0.clone())
        };
        let texts: Vec<_> = self.texts().iter().filter_map(sealed).collect();
        Redactor::new(&texts)
    }

    /// All texts, in no particular order.
    #[must_use]
    pub fn texts_by_now(&self) -> Vec<SecretString> {
        self.texts().keys().map(|text| text.0.clone()).collect()
    }

    fn count(&self) -> usize {
        self.0.count.load(Ordering::Acquire)
    }

    fn texts(&self) -> MutexGuard<'_, HashMap<SecretText, SecretOrigin>> {
        lock(&self.0.texts)
    }
}

/// The current redactor of an execution, for frequent use: it only compares a number while nothing changes.
#[derive(Debug)]
pub(crate) struct CurrentRedactor {
    secrets: ExecutionSecrets,
    count: usize,
    redactor: Option<Arc<Redactor>>,
}

impl CurrentRedactor {
    /// The redactor of that execution.
    #[must_use]
    pub(crate) fn new(secrets: ExecutionSecrets) -> Self {
        Self {
            secrets,
            count: 0,
            redactor: None,
        }
    }

    /// The redactor of all texts known so far.
    pub(crate) fn get(&mut self) -> Option<&Redactor> {
        let count = self.secrets.count();
        if count != self.count {
            self.count = count;
            self.redactor = self.secrets.redactor();
        }
        self.redactor.as_deref()
    }
}

impl Borrow<str> for SecretText {
    fn borrow(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Hash for SecretText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.expose_secret().hash(state);
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for ExecutionSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExecutionSecrets")
            .field("known", &self.count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2-hunter2";
    const TOKEN: &str = "a-token-of-a-server";

    #[test]
    fn the_redactor_is_the_same_until_something_new_is_known() {
        let secrets = ExecutionSecrets::new();
        assert!(secrets.redactor().is_none());
        secrets.remember(SECRET, SecretOrigin::Configuration);
        let first = secrets.redactor().unwrap();
        secrets.remember(SECRET, SecretOrigin::Access);
        secrets.remember("short", SecretOrigin::Access);
        assert!(Arc::ptr_eq(&first, &secrets.redactor().unwrap()));
        let mut current = CurrentRedactor::new(secrets.clone());
        assert_eq!(current.get().unwrap().redact(TOKEN), TOKEN);
        secrets.clone().remember(TOKEN, SecretOrigin::Access);
        assert_eq!(current.get().unwrap().redact(TOKEN), "***");
        assert_eq!(secrets.redactor().unwrap().redact(SECRET), "***");
    }

    #[test]
    fn secrets_from_templates_are_distinguished_from_those_sent_to_servers() {
        let secrets = ExecutionSecrets::new();
        assert!(secrets.redactor_of_configuration().is_none());
        secrets.remember(TOKEN, SecretOrigin::Access);
        secrets.remember(SECRET, SecretOrigin::Access);
        secrets.remember(SECRET, SecretOrigin::Configuration);
        secrets.remember(SECRET, SecretOrigin::Access);
        let sealed = secrets.redactor_of_configuration().unwrap();
        assert!(sealed.finds(SECRET.as_bytes()) && !sealed.finds(TOKEN.as_bytes()));
    }

    #[test]
    fn shows_no_text_in_debug() {
        let secrets = ExecutionSecrets::new();
        secrets.remember(SECRET, SecretOrigin::Access);
        let current = CurrentRedactor::new(secrets.clone());
        assert!(!format!("{secrets:?} {current:?}").contains("hunter2"));
    }
}
