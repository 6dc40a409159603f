use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use minijinja::{Error, ErrorKind, Value};

use crate::capability::sync::lock;
use crate::credential::SecretValue;

/// What one evaluation of a leaf used and needs. The objects that templates access record it here.
#[derive(Default)]
pub(super) struct Evaluation {
    answers: Arc<Answers>,
    /// Paths that may be undefined: `workload.a` in `workload.a.b | default(1)`.
    chained: Arc<BTreeSet<String>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    touched: bool,
    /// Whether the result of an earlier step was used.
    used_result: bool,
    /// The answered requests that the leaf used.
    used: BTreeSet<Request>,
    /// The requests without a response yet.
    pending: BTreeSet<Request>,
    misses: Vec<Miss>,
    /// An undefined path that was used.
    missing_used: Option<String>,
    /// Undefined paths that were accessed.
    looked_into: BTreeSet<String>,
    /// Those of them that were tested for existence, or that have a default.
    excused: BTreeSet<String>,
}

/// A request to a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Request {
    /// A secret by its name.
    Secret(String),
    /// The names of the fields of a keychain entry.
    KeychainFields(String),
    /// A field of a keychain entry.
    KeychainField(String, String),
}

/// The response of a provider.
#[derive(Clone)]
pub(super) enum Answer {
    /// The requested value.
    Value(SecretValue),
    /// The requested names.
    Names(Vec<String>),
    /// The name does not exist.
    Nothing,
}

pub(super) type Answers = HashMap<Request, Answer>;

/// A name that an object does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Miss {
    /// The whole path, such as `workload.outputs`.
    pub(super) path: String,
    /// The last name of it.
    pub(super) name: String,
    /// The names that the object has.
    pub(super) siblings: Vec<String>,
}

/// The result of an evaluation.
#[derive(Default)]
pub(super) struct Traces {
    pub(super) touched: bool,
    pub(super) used_result: bool,
    pub(super) used: BTreeSet<Request>,
    pub(super) pending: BTreeSet<Request>,
    pub(super) misses: Vec<Miss>,
    pub(super) missing_used: Option<String>,
}

/// The maximum number of missing names that are kept for a message; a loop may produce any number.
const MAX_MISSES: usize = 64;
/// The maximum number of names that are considered as suggestions.
const MAX_SIBLINGS: usize = 1_000;

impl Evaluation {
    pub(super) fn new(answers: Arc<Answers>, chained: Arc<BTreeSet<String>>) -> Self {
        Self {
            answers,
            chained,
            state: Mutex::default(),
        }
    }

    /// Records that the leaf depends on a secret, or on whether it exists.
    pub(super) fn touch(&self) {
        self.state().touched = true;
    }

    /// Records that the leaf depends on the result of an earlier step, which may contain a secret.
    pub(super) fn use_result(&self) {
        self.state().used_result = true;
    }

    /// The response to a request, or an invalid value that ends the evaluation until there is one.
    pub(super) fn ask(&self, request: &Request) -> Result<Answer, Value> {
        if let Some(answer) = self.answers.get(request) {
            if matches!(answer, Answer::Value(_)) {
                self.state().used.insert(request.clone());
            }
            return Ok(answer.clone());
        }
        self.state().pending.insert(request.clone());
        Err(Value::from(Error::new(
            ErrorKind::InvalidOperation,
            "the secret is not available yet",
        )))
    }

    /// Records a missing name, and returns whether it may be undefined.
    pub(super) fn miss(
        &self,
        path: &str,
        name: &str,
        siblings: impl IntoIterator<Item = String>,
    ) -> bool {
        let mut state = self.state();
        if state.misses.len() >= MAX_MISSES {
            // An error refers to the newest one.
            state.misses.remove(0);
        }
        state.misses.push(Miss {
            path: path.to_owned(),
            name: name.to_owned(),
            siblings: siblings.into_iter().take(MAX_SIBLINGS).collect(),
        });
        let is_chained = self.chained.contains(path);
        if is_chained {
            state.looked_into.insert(path.to_owned());
        }
        is_chained
    }

    /// Records that the template handles this path being undefined.
    pub(super) fn excuse(&self, path: &str) {
        self.state().excused.insert(path.to_owned());
    }

    /// Records that an undefined value was used.
    pub(super) fn use_missing(&self, path: &str) {
        self.state()
            .missing_used
            .get_or_insert_with(|| path.to_owned());
    }

    pub(super) fn traces(&self) -> Traces {
        let state = std::mem::take(&mut *self.state());
        let unexcused = state.looked_into.difference(&state.excused).next().cloned();
        Traces {
            touched: state.touched,
            used_result: state.used_result,
            used: state.used,
            pending: state.pending,
            misses: state.misses,
            // Some operations, such as `==`, do not report that they used a value.
            missing_used: state.missing_used.or(unexcused),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Evaluation")
    }
}
