//! The input of a control, and its result.

use toolhost_capability::FieldSegment;

use super::settings::Policy;

/// A field of a Job that the policy does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The path of the field in the Job.
    pub(crate) path: Vec<FieldSegment>,
    /// What is not allowed, in a clause.
    pub(crate) what: String,
    /// The line of `policy.yaml` that allows it, below `kubernetes:`.
    pub(crate) line: String,
}

/// The context of the value that a control checks.
pub(super) struct Review<'review> {
    pub(super) policy: &'review Policy,
    /// The job's name, from which that of its own Secret is derived.
    pub(super) job: &'review str,
    pub(super) default_namespace: &'review str,
}

/// Why a control denies a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denial {
    /// What is not allowed, in a clause.
    pub(super) what: String,
    /// The line of `policy.yaml` that allows it; none where only `fields` does.
    pub(super) line: Option<String>,
}

impl Denial {
    pub(super) fn new(what: impl Into<String>, line: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            line: Some(line.into()),
        }
    }

    /// Denies something that no setting of the policy is about.
    pub(super) fn of_field(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            line: None,
        }
    }
}

/// Returns the path of a field of the pod in the form of [`Policy::fields`]: without indices.
pub(super) fn field_path(path: &[FieldSegment]) -> String {
    let keys: Vec<_> = path
        .iter()
        .filter_map(|segment| match segment {
            FieldSegment::Key(key) => Some(key.as_ref()),
            FieldSegment::Index(_) => None,
        })
        .collect();
    // The pod's own fields are below the template.
    match keys.as_slice() {
        ["spec", "template", rest @ ..] => rest.join("."),
        keys => keys.join("."),
    }
}
