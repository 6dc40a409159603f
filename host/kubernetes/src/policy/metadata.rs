//! Labels, annotations, and selectors of nodes.

use serde_json::Value;
use toolhost_capability::request::shortened;

use super::controls::may_go_without;
use super::pattern::{Pattern, any_matches};
use super::review::{Denial, Review};
use super::settings::Confinement;
use crate::names::OWN_ANNOTATIONS;

/// Domains whose labels and annotations have a meaning for Kubernetes or for this host.
const RESERVED_DOMAINS: [&str; 3] = ["kubernetes.io", "k8s.io", "noetl.io"];
/// Labels of these domains that a job may have: those recommended for everyone, those that this host sets, and the
/// queue for the job.
const USUAL_LABELS: [&str; 3] = [
    "noetl.io/step",
    "noetl.io/execution-id",
    "kueue.x-k8s.io/queue-name",
];
const RECOMMENDED_LABELS: &str = "app.kubernetes.io/";
const USUAL_ANNOTATIONS: [&str; 2] = ["noetl.io/spec-hash", "noetl.io/tool-spec-hash"];
/// Profiles as annotations, which older clusters read.
const PROFILES: [(&str, Confinement, &str); 3] = [
    (
        "container.apparmor.security.beta.kubernetes.io/",
        Confinement::AppArmor,
        "apparmor",
    ),
    (
        "container.seccomp.security.alpha.kubernetes.io/",
        Confinement::Seccomp,
        "seccomp",
    ),
    (
        "seccomp.security.alpha.kubernetes.io/",
        Confinement::Seccomp,
        "seccomp",
    ),
];

pub(super) fn label(review: &Review<'_>, name: &str, _: &Value) -> Result<(), Denial> {
    let is_usual = USUAL_LABELS.contains(&name) || name.starts_with(RECOMMENDED_LABELS);
    if is_usual || !is_reserved(name) || any_matches(&review.policy.labels, name) {
        return Ok(());
    }
    Err(reserved("label", "labels", name))
}

pub(super) fn annotation(review: &Review<'_>, name: &str, value: &Value) -> Result<(), Denial> {
    let profile = PROFILES
        .iter()
        .find(|(prefix, _, _)| name.starts_with(prefix));
    if let Some((_, confinement, of)) = profile {
        let value = value.as_str().unwrap_or_default();
        let is_profile = matches!(value, "runtime/default" | "docker/default")
            || value.starts_with("localhost/");
        if is_profile || may_go_without(review, *confinement) {
            return Ok(());
        }
        let what = format!("containers must not run without a profile of {of}");
        return Err(Denial::new(what, format!("unconfined: [{of}]")));
    }
    let is_usual = USUAL_ANNOTATIONS.contains(&name) || OWN_ANNOTATIONS.contains(&name);
    if is_usual || !is_reserved(name) || any_matches(&review.policy.annotations, name) {
        return Ok(());
    }
    Err(reserved("annotation", "annotations", name))
}

/// A taint that a pod tolerates. A toleration without a key tolerates all taints, including those of the control plane.
pub(super) fn toleration(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let key = value.get("key").and_then(Value::as_str).unwrap_or_default();
    let allowed = &review.policy.tolerations;
    if allowed.iter().any(Pattern::is_any) {
        return Ok(());
    }
    if key.is_empty() {
        let what = "pods must name the taints that they tolerate";
        return Err(Denial::new(what, "tolerations: [\"*\"]"));
    }
    if !is_reserved(key) || any_matches(allowed, key) {
        return Ok(());
    }
    Err(reserved("taint", "tolerations", key))
}

pub(super) fn node_label(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    node_label_key(review, value.as_str().unwrap_or_default(), value)
}

pub(super) fn node_label_key(review: &Review<'_>, name: &str, _: &Value) -> Result<(), Denial> {
    match &review.policy.node_labels {
        Some(allowed) if !any_matches(allowed, name) => {
            let shown = shortened(name);
            let what = format!("nodes must not be selected by the label `{shown}`");
            Err(Denial::new(what, format!("node-labels: [\"{shown}\"]")))
        }
        _ => Ok(()),
    }
}

/// Whether a name is in a reserved domain or below one: `batch.kubernetes.io/job-name`.
fn is_reserved(name: &str) -> bool {
    let Some((domain, _)) = name.split_once('/') else {
        return false;
    };
    RESERVED_DOMAINS.iter().any(|reserved| {
        let rest = domain.strip_suffix(reserved);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn reserved(what: &str, key: &str, name: &str) -> Denial {
    let shown = shortened(name);
    Denial::new(
        format!("the {what} `{shown}` is in a reserved domain"),
        format!("{key}: [\"{shown}\"]"),
    )
}
