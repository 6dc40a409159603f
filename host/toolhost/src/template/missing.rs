use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::evaluation::Evaluation;

/// Something that is not defined, and into which a template looks further.
///
/// `default` and `is defined` know it, conditions take it as false, and any other use of it is noted, so
/// that the evaluation fails.
pub(super) struct Missing {
    /// What is not defined, such as `workload.a`; not what was looked for in it.
    path: String,
    evaluation: Arc<Evaluation>,
}

impl Missing {
    /// Notes that `name` is not to be found at `path` beside its `siblings`, and returns what the
    /// template gets for it.
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

    /// The value as a missing one. Whoever asks knows what to do with it.
    pub(super) fn of(value: &Value) -> Option<&Missing> {
        let missing = value.downcast_object_ref::<Missing>()?;
        missing.evaluation.excuse(&missing.path);
        Some(missing)
    }

    /// Notes that it was used as if it were defined.
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
