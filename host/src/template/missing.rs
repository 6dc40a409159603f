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
    pub(super) path: String,
    pub(super) evaluation: Arc<Evaluation>,
}

impl Missing {
    /// The path of a value that is one.
    ///
    /// Whoever asks knows what to do with it.
    pub(super) fn of(value: &Value) -> Option<&Missing> {
        let missing = value.downcast_object_ref::<Missing>()?;
        missing.evaluation.excuse(&missing.path);
        Some(missing)
    }
}

impl Object for Missing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let path = match key.as_str() {
            Some(name) => format!("{}.{name}", self.path),
            None => format!("{}[{key}]", self.path),
        };
        Some(Value::from_object(Missing {
            path,
            evaluation: Arc::clone(&self.evaluation),
        }))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.evaluation.excuse(&self.path);
        false
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.evaluation.use_missing(&self.path);
        Ok(())
    }
}

impl fmt::Debug for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.evaluation.use_missing(&self.path);
        formatter.write_str("undefined")
    }
}
