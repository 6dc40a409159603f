use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::evaluation::Evaluation;

/// An undefined value whose parts a template accesses.
///
/// `default` and `is defined` handle it, conditions treat it as false, and any other use of it is recorded,
/// so that the evaluation fails.
pub(super) struct Missing {
    /// The undefined path, such as `workload.a`; not the part that was accessed.
    path: String,
    evaluation: Arc<Evaluation>,
}

impl Missing {
    /// Records that `name` does not exist at `path` next to its `siblings`, and returns the value for the
    /// template.
    pub(super) fn lookup(
        evaluation: &Arc<Evaluation>,
        path: String,
        name: &str,
        siblings: impl IntoIterator<Item = String>,
    ) -> Option<Value> {
        evaluation.miss(&path, name, siblings).then(|| {
            Value::from_object(Self {
                path,
                evaluation: Arc::clone(evaluation),
            })
        })
    }

    /// The value as a missing one, for callers that handle it.
    pub(super) fn of(value: &Value) -> Option<&Missing> {
        let missing = value.downcast_object_ref::<Missing>()?;
        missing.evaluation.excuse(&missing.path);
        Some(missing)
    }

    /// Records that it was used as if it were defined.
    pub(super) fn note_use(&self) {
        self.evaluation.use_missing(&self.path);
    }
}

impl Object for Missing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_dyn_object(Arc::clone(self)))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.evaluation.excuse(&self.path);
        false
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note_use();
        Ok(())
    }
}

impl fmt::Debug for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note_use();
        formatter.write_str("undefined")
    }
}
