//! What a pod may refer to by name.

use serde_json::Value;
use toolhost_capability::request::shortened;

use super::images::{ImageName, ImagePattern};
use super::pattern::{Pattern, any_matches};
use super::review::{Denial, Review};
use crate::names::{is_config_map_name, secret_name};

/// The namespace in the script tool's documentation; a job that names none may use it.
const USUAL_NAMESPACE: &str = "noetl";
/// The service account of a pod that names none.
const DEFAULT_SERVICE_ACCOUNT: &str = "default";
/// The scheduler of a pod that names none.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// The namespace of everything.
pub(super) fn namespace(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let name = text(value);
    let is_allowed = match &review.policy.namespaces {
        Some(patterns) => any_matches(patterns, name),
        None => name == review.default_namespace || name == USUAL_NAMESPACE,
    };
    if is_allowed {
        return Ok(());
    }
    Err(named("namespace", "namespaces", name))
}

pub(super) fn service_account(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let name = text(value);
    if name.is_empty() || name == DEFAULT_SERVICE_ACCOUNT {
        return Ok(());
    }
    let allowed = &review.policy.service_accounts;
    listed(allowed, "service account", "service-accounts", name)
}

/// A token of the service account at its usual place.
pub(super) fn automount(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    if *value == Value::Bool(false) {
        return Ok(());
    }
    token(review)
}

/// A token of the service account in a volume.
pub(super) fn projected_token(review: &Review<'_>, _: &Value) -> Result<(), Denial> {
    token(review)
}

pub(super) fn token(review: &Review<'_>) -> Result<(), Denial> {
    if review.policy.service_account_tokens {
        return Ok(());
    }
    let what = "scripts must not have a token of their service account";
    Err(Denial::new(what, "service-account-tokens: true"))
}

pub(super) fn image_pull_secret(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let allowed = &review.policy.image_pull_secrets;
    listed(allowed, "pull secret", "image-pull-secrets", text(value))
}

pub(super) fn priority_class(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let allowed = &review.policy.priority_classes;
    listed(allowed, "priority class", "priority-classes", text(value))
}

pub(super) fn runtime_class(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let allowed = &review.policy.runtime_classes;
    listed(allowed, "runtime class", "runtime-classes", text(value))
}

pub(super) fn scheduler(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let name = text(value);
    if name == DEFAULT_SCHEDULER {
        return Ok(());
    }
    listed(&review.policy.schedulers, "scheduler", "schedulers", name)
}

/// The image of a container or volume.
pub(super) fn image(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let image = value.as_str().unwrap_or_default();
    let policy = review.policy;
    let is_allowed = |patterns: &Vec<ImagePattern>| {
        let mut patterns = patterns.iter();
        patterns.any(|pattern| pattern.matches(image))
    };
    if !policy.images.as_ref().is_none_or(is_allowed) {
        let shown = shortened(image);
        let what = format!("the image `{shown}` is not in the list of allowed images");
        return Err(Denial::new(what, format!("images: [\"{shown}\"]")));
    }
    if policy.require_digests && !ImageName::new(image).is_pinned() {
        let shown = shortened(image);
        let what = format!("the image `{shown}` is not pinned by its digest (`@sha256:…`)");
        return Err(Denial::new(what, "require-digests: false"));
    }
    Ok(())
}

/// A Secret: the job's own, or one that is listed.
pub(super) fn secret(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let name = text(value);
    if name == secret_name(review.job) {
        return Ok(());
    }
    listed(&review.policy.secrets, "Secret", "secrets", name)
}

/// A ConfigMap: a part of the job's own script, or one that is listed.
pub(super) fn config_map(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let name = text(value);
    if is_config_map_name(review.job, name) {
        return Ok(());
    }
    listed(&review.policy.config_maps, "ConfigMap", "config-maps", name)
}

pub(super) fn persistent_volume_claim(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    listed(
        &review.policy.persistent_volume_claims,
        "PersistentVolumeClaim",
        "persistent-volume-claims",
        text(value),
    )
}

/// *`hostPath` volumes*: at or below a listed folder, in a path without `..`.
pub(super) fn host_path(review: &Review<'_>, value: &Value) -> Result<(), Denial> {
    let path = text(value);
    let allowed = review.policy.host_paths.iter();
    let has_detour = path.split('/').any(|part| part == "..");
    if !has_detour && allowed.into_iter().any(|folder| is_below(path, folder)) {
        return Ok(());
    }
    let shown = shortened(path);
    let what = format!("pods must not mount the path `{shown}` of their node");
    Err(Denial::new(what, format!("host-paths: [\"{shown}\"]")))
}

/// A volume of a kind that has no rule of its own.
pub(super) fn volume_kind(review: &Review<'_>, kind: &str, _: &Value) -> Result<(), Denial> {
    if review.policy.volumes.contains(kind) {
        return Ok(());
    }
    let shown = shortened(kind);
    let what = format!("volumes must not have the type `{shown}`");
    Err(Denial::new(what, format!("volumes: [{shown}]")))
}

fn is_below(path: &str, folder: &str) -> bool {
    let parts = |path: &'_ str| -> Vec<String> {
        let parts = path.split('/');
        parts
            .filter(|part| !matches!(*part, "" | "."))
            .map(str::to_owned)
            .collect()
    };
    path.starts_with('/') && parts(path).starts_with(&parts(folder))
}

fn listed(allowed: &[Pattern], what: &str, key: &str, name: &str) -> Result<(), Denial> {
    if any_matches(allowed, name) {
        return Ok(());
    }
    Err(named(what, key, name))
}

fn named(what: &str, key: &str, name: &str) -> Denial {
    let shown = shortened(name);
    Denial::new(
        format!("the {what} `{shown}` is not one of those that are allowed"),
        format!("{key}: [\"{shown}\"]"),
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
