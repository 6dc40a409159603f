use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use minijinja::{Error, ErrorKind, Value};

use crate::capability::sync::lock;
use crate::credential::SecretValue;

/// What one evaluation of a leaf saw and needs. The objects that templates see write into it.
#[derive(Default)]
pub(super) struct Evaluation {
    answers: Arc<Answers>,
    /// Paths whose absence may be looked into: `workload.a` in `workload.a.b | default(1)`.
    chained: Arc<BTreeSet<String>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    touched: bool,
    /// Whether the result of an earlier step was looked at.
    used_result: bool,
    /// The answered requests that the leaf made use of.
    used: BTreeSet<Request>,
    /// The requests that have no answer yet.
    pending: BTreeSet<Request>,
    misses: Vec<Miss>,
    /// A path that is not defined and was used nevertheless.
    missing_used: Option<String>,
    /// Paths that are not defined and were looked into.
    looked_into: BTreeSet<String>,
    /// Those of them of which it was asked whether they are there, or for which a default was given.
    excused: BTreeSet<String>,
}

/// Something to ask a provider for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Request {
    /// A secret by its name.
    Secret(String),
    /// The names of the fields of a keychain entry.
    KeychainFields(String),
    /// A field of a keychain entry.
    KeychainField(String, String),
}

/// What a provider answered.
#[derive(Clone)]
pub(super) enum Answer {
    /// The value that was asked for.
    Value(SecretValue),
    /// The names that were asked for.
    Names(Vec<String>),
    /// There is nothing of that name.
    Nothing,
}

pub(super) type Answers = HashMap<Request, Answer>;

/// A name that an object did not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Miss {
    /// The whole path, such as `workload.outputs`.
    pub(super) path: String,
    /// The last name of it.
    pub(super) name: String,
    /// The names that the object has.
    pub(super) siblings: Vec<String>,
}

/// What is left when an evaluation is over.
#[derive(Default)]
pub(super) struct Traces {
    pub(super) touched: bool,
    pub(super) used_result: bool,
    pub(super) used: BTreeSet<Request>,
    pub(super) pending: BTreeSet<Request>,
    pub(super) misses: Vec<Miss>,
    pub(super) missing_used: Option<String>,
}

/// The most missing names that are remembered for a message; a loop may miss any number.
const MAX_MISSES: usize = 64;
/// The most names that are considered as what was meant.
const MAX_SIBLINGS: usize = 1_000;

impl Evaluation {
    pub(super) fn new(answers: Arc<Answers>, chained: Arc<BTreeSet<String>>) -> Self {
        Self {
            answers,
            chained,
            state: Mutex::default(),
        }
    }

    /// Notes that the leaf depends on a secret, or on whether there is one.
    pub(super) fn touch(&self) {
        self.state().touched = true;
    }

    /// Notes that the leaf depends on the result of an earlier step, in which a secret may be.
    pub(super) fn use_result(&self) {
        self.state().used_result = true;
    }

    /// The answer to a request, or an invalid value that ends the evaluation until there is one.
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
            "the secret is not there yet",
        )))
    }

    /// Notes a name that is not there, and returns whether its absence may be looked into.
    pub(super) fn miss(
        &self,
        path: &str,
        name: &str,
        siblings: impl IntoIterator<Item = String>,
    ) -> bool {
        let mut state = self.state();
        if state.misses.len() >= MAX_MISSES {
            // The newest one is the one that an error is about.
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

    /// Notes that the template knows what to do where this path is not defined.
    pub(super) fn excuse(&self, path: &str) {
        self.state().excused.insert(path.to_owned());
    }

    /// Notes that something that is not defined was used as if it were.
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
            // Some operations, such as `==`, do not tell that they used a value.
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
