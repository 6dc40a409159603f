//! Checks a job against the policy of the host, and explains a denial to the user.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;
use toolhost_capability::text::some_of;
use toolhost_capability::{CapabilityError, Reason};

use super::origin::Origin;
use super::settings::ManifestSettings;

/// Maximum number of fields that one message names after the first one.
const MAX_OTHERS: usize = 5;

/// Checks the policy.
///
/// # Errors
///
/// [`Reason::Denied`] with the first field that is not allowed, by its path in the playbook, and the lines of
/// `policy.yaml` that would allow all of them.
pub(super) fn check(
    job: &Job,
    options: &BTreeMap<String, Value>,
    settings: &ManifestSettings,
) -> Result<(), CapabilityError> {
    if settings.policy.is_open() {
        return Ok(());
    }
    let document = serde_json::to_value(job).map_err(|error| {
        let message = format!("cannot write the Job as JSON: {error}");
        CapabilityError::new(Reason::Internal, message)
    })?;
    let found = settings
        .policy
        .violations(job, &document, &settings.default_namespace);
    let origin = Origin {
        job: &document,
        options,
    };
    let mut fields = Vec::new();
    let mut lines = Vec::new();
    let mut what = None;
    for violation in found {
        let field = origin.field(&violation.path);
        what.get_or_insert(violation.what);
        if !fields.contains(&field) {
            fields.push(field);
        }
        if !lines.contains(&violation.line) {
            lines.push(violation.line);
        }
    }
    let (Some(what), Some((field, others))) = (what, fields.split_first()) else {
        return Ok(());
    };
    let mut message = format!("`{field}` is not allowed by the policy of this host: {what}");
    if !others.is_empty() {
        message.push_str(if others.len() == 1 {
            "; nor is "
        } else {
            "; nor are "
        });
        message.push_str(&some_of(others, MAX_OTHERS));
    }
    let hint = format!(
        "remove it, or ask for this in the host's `policy.yaml`:\n\nkubernetes:\n  {}",
        lines.join("\n  ")
    );
    Err(CapabilityError::new(Reason::Denied, message)
        .with_hint(hint)
        .with_field(field.clone()))
}
