use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde};
use serde_json::Value as Json;

use super::evaluation::Evaluation;
use super::missing::Missing;

/// The names with which the result of a step refers to itself, as in NoETL.
const RESULT_ALIASES: [&str; 2] = ["result", "data"];

/// A list or mapping of plain data, which templates see without a copy.
#[derive(Clone)]
pub(super) struct Data {
    root: Arc<Json>,
    /// The path from the root to the list or mapping.
    steps: Arc<[Step]>,
    /// Its name in a template, such as `workload.filters`.
    path: Arc<str>,
    /// Whether it is the whole result of a step.
    is_result: bool,
    evaluation: Arc<Evaluation>,
}

#[derive(Clone)]
enum Step {
    Key(Box<str>),
    Index(usize),
}

impl Data {
    /// The value as a template sees it: lists and mappings lazily, anything else immediately.
    pub(super) fn value(root: &Arc<Json>, path: &str, evaluation: &Arc<Evaluation>) -> Value {
        Self::build(root, path, evaluation, false)
    }

    /// As [`value`](Self::value), for the result of a step.
    pub(super) fn result(root: &Arc<Json>, path: &str, evaluation: &Arc<Evaluation>) -> Value {
        evaluation.use_result();
        Self::build(root, path, evaluation, true)
    }

    fn build(root: &Arc<Json>, path: &str, evaluation: &Arc<Evaluation>, is_result: bool) -> Value {
        scalar(root).unwrap_or_else(|| {
            Value::from_object(Self {
                root: Arc::clone(root),
                steps: Arc::from([]),
                path: Arc::from(path),
                is_result,
                evaluation: Arc::clone(evaluation),
            })
        })
    }

    fn node(&self) -> Option<&Json> {
        self.steps
            .iter()
            .try_fold(&*self.root, |node, step| match step {
                Step::Key(key) => node.get(&**key),
                Step::Index(index) => node.get(*index),
            })
    }

    fn child(&self, step: Step, node: &Json, path: String) -> Value {
        scalar(node).unwrap_or_else(|| {
            let mut steps = self.steps.to_vec();
            steps.push(step);
            Value::from_object(Self {
                root: Arc::clone(&self.root),
                steps: Arc::from(steps),
                path: Arc::from(path),
                is_result: false,
                evaluation: Arc::clone(&self.evaluation),
            })
        })
    }

    fn member(&self, name: &str) -> Option<Value> {
        let Json::Object(members) = self.node()? else {
            return None;
        };
        let path = format!("{}.{name}", self.path);
        if let Some(node) = members.get(name) {
            return Some(self.child(Step::Key(Box::from(name)), node, path));
        }
        if self.is_result && RESULT_ALIASES.contains(&name) {
            let path = Arc::from(path);
            return Some(Value::from_object(Self {
                path,
                ..self.clone()
            }));
        }
        Missing::lookup(&self.evaluation, path, name, members.keys().cloned())
    }

    fn item(&self, key: &Value) -> Option<Value> {
        let Json::Array(items) = self.node()? else {
            return None;
        };
        let index = match usize::try_from(key.as_i64()?) {
            Ok(index) => index,
            Err(_) => items
                .len()
                .checked_add_signed(isize::try_from(key.as_i64()?).ok()?)?,
        };
        let path = format!("{}[{index}]", self.path);
        match items.get(index) {
            Some(node) => Some(self.child(Step::Index(index), node, path)),
            None => Missing::lookup(&self.evaluation, path, &index.to_string(), []),
        }
    }
}

impl Object for Data {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.node() {
            Some(Json::Array(_)) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(name) => self.member(name),
            None => self.item(key),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.member(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.node() {
            Some(Json::Array(items)) => Enumerator::Seq(items.len()),
            Some(Json::Object(members)) => {
                Enumerator::Values(members.keys().map(Value::from).collect())
            }
            _ => Enumerator::Empty,
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Data").field(&self.path).finish()
    }
}

fn scalar(node: &Json) -> Option<Value> {
    match node {
        Json::Null => Some(Value::from(())),
        Json::Bool(truth) => Some(Value::from(*truth)),
        Json::Number(number) => Some(Value::from(Serde(number))),
        Json::String(text) => Some(Value::from(text.as_str())),
        Json::Array(_) | Json::Object(_) => None,
    }
}
