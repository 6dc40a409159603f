//! Messages of the API server when it does not admit an object: in the answer to a job's creation, and in the events of
//! a job whose pods it does not admit. The texts are the same.

use std::str::FromStr;

use toolhost_capability::quantity::Quantity;
use toolhost_capability::{Explanation, FieldPath, Hint, Reason};

use super::quote::{between, quoted};
use super::waiting::{Class, WaitPolicy};

/// What does not admit the object, and why; none where the text is unknown.
///
/// The class states whether the same request may be admitted later.
pub(super) fn not_admitted(text: &str, wait_policy: &WaitPolicy) -> Option<(Explanation, Class)> {
    let hopeless = |cause| (cause, Class::Hopeless);
    quota(text)
        .or_else(|| webhook_down(text, wait_policy))
        .or_else(|| policy(text).map(hopeless))
        .or_else(|| service_account(text, wait_policy))
        .or_else(|| namespace(text).map(hopeless))
        .or_else(|| permission(text).map(hopeless))
        .or_else(|| missing_class(text).map(hopeless))
        .or_else(|| limit_range(text).map(hopeless))
}

/// `exceeded quota: NAME, requested: pods=1, used: pods=1, limited: pods=1`
/// (`plugin/pkg/admission/resourcequota/controller.go`).
fn quota(text: &str) -> Option<(Explanation, Class)> {
    if let Some((_, rest)) = text.split_once("failed quota: ") {
        let message = format!(
            "the namespace's quota requires resources to be specified: {}",
            quoted(rest)
        );
        let cause = Explanation::new(Reason::PolicyDenied, message)
            .with_hint(
                Hint::from("set what it names in ")
                    .field("resources.requests")
                    .text(" and ")
                    .field("resources.limits"),
            )
            .with_field("resources");
        return Some((cause, Class::Hopeless));
    }
    let (_, rest) = text.split_once("exceeded quota: ")?;
    let (name, rest) = rest.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, limited) = rest.split_once(", limited: ")?;
    let message = format!(
        "the namespace's quota `{}` is used up: {} requested, {} used, {} allowed",
        quoted(name),
        quoted(requested),
        quoted(used),
        quoted(limited)
    );
    let cause = Explanation::new(Reason::Quota, message);
    if let Some(resource) = never_fits(requested, limited) {
        let cause = cause.with_hint("this job alone requests more than the quota: request less");
        let cause = match resource {
            "cpu" | "memory" => cause.with_field("resources.requests"),
            resource if resource.contains("requests.") || resource.contains("limits.") => {
                cause.with_field(FieldPath::from("resources").key(resource.to_owned()))
            }
            _ => cause,
        };
        return Some((cause, Class::Hopeless));
    }
    let cause = cause
        .with_hint("wait until other jobs of the namespace have ended, or ask for a higher quota");
    Some((cause, Class::Patient))
}

/// The resource whose request alone is larger than the quota for the whole namespace.
fn never_fits<'text>(requested: &'text str, limited: &str) -> Option<&'text str> {
    let entries = |list: &'text str| {
        list.split(',')
            .filter_map(|entry| entry.trim().split_once('='))
    };
    let allowed = |resource: &str| {
        let mut limits = limited
            .split(',')
            .filter_map(|entry| entry.trim().split_once('='));
        limits
            .find(|(name, _)| *name == resource)
            .map(|(_, quantity)| quantity)
    };
    let quantity = |text: &str| Quantity::from_str(text).ok();
    let mut requests = entries(requested);
    requests.find_map(|(resource, requested)| {
        let limit = quantity(allowed(resource)?)?;
        (quantity(requested)? > limit).then_some(resource)
    })
}

fn webhook_down(text: &str, wait_policy: &WaitPolicy) -> Option<(Explanation, Class)> {
    let (_, rest) = text.split_once("failed calling webhook \"")?;
    let (name, said) = rest.split_once("\": ")?;
    let message = format!(
        "the cluster's admission webhook `{}` does not answer: {}",
        quoted(name),
        quoted(
            said.strip_prefix("failed to call webhook: ")
                .unwrap_or(said)
        )
    );
    let cause = Explanation::new(Reason::EngineUnavailable, message)
        .with_hint("ask the operator of the webhook; nothing is admitted while it is down");
    Some((cause, Class::Grace(wait_policy.unknown)))
}

fn policy(text: &str) -> Option<Explanation> {
    let denied = |message: String| Explanation::new(Reason::PolicyDenied, message);
    if let Some((_, rest)) = text.split_once("violates PodSecurity \"") {
        let (level, wants) = rest.split_once("\": ").unwrap_or((rest, ""));
        let message = format!(
            "the namespace's Pod Security Standard `{}` refuses the job: {}",
            quoted(level),
            quoted(wants)
        );
        let cause = denied(message)
            .with_hint(
                Hint::from("set what it names in ")
                    .field("securityContext")
                    .text(", or use a namespace that allows it"),
            )
            .with_field("securityContext");
        return Some(cause);
    }
    if let Some((_, rest)) = text.split_once("ValidatingAdmissionPolicy '") {
        let (name, rest) = rest.split_once('\'')?;
        let (_, said) = rest.split_once("denied request: ").unwrap_or(("", rest));
        let message = format!(
            "the cluster's policy `{}` refuses the job: {}",
            quoted(name),
            quoted(said)
        );
        return Some(denied(message).with_hint("change what the policy names, or ask its owner"));
    }
    if let Some((_, rest)) = text.split_once("admission webhook \"") {
        let (name, rest) = rest.split_once('"')?;
        let said = rest.strip_prefix(" denied the request").unwrap_or(rest);
        let said = said.strip_prefix(':').unwrap_or(said);
        let message = format!(
            "the cluster's admission webhook `{}` refuses the job: {}",
            quoted(name),
            quoted(said)
        );
        return Some(denied(message).with_hint("change what the webhook names, or ask its owner"));
    }
    if let Some((_, said)) =
        text.split_once("unable to validate against any security context constraint: ")
    {
        let message = format!(
            "no security context constraint of the cluster allows the job: {}",
            quoted(said)
        );
        let cause = denied(message)
            .with_hint(
                Hint::from("change ")
                    .field("securityContext")
                    .text(", or use a service account with more permissions"),
            )
            .with_field("securityContext");
        return Some(cause);
    }
    None
}

fn service_account(text: &str, wait_policy: &WaitPolicy) -> Option<(Explanation, Class)> {
    let (_, rest) = text.split_once("error looking up service account ")?;
    let name = between(rest, "serviceaccount \"", "\" not found")?;
    let message = format!("the namespace has no service account `{}`", quoted(name));
    let cause = Explanation::new(Reason::ServiceAccountMissing, message)
        .with_hint(Hint::from("create it, or change ").field("serviceAccountName"))
        .with_field("serviceAccountName");
    Some((cause, Class::Grace(wait_policy.service_account)))
}

fn namespace(text: &str) -> Option<Explanation> {
    let missing = between(text, "namespaces \"", "\" not found");
    if let Some(name) = missing {
        let message = format!("the namespace `{}` does not exist", quoted(name));
        let cause = Explanation::new(Reason::NamespaceMissing, message)
            .with_hint(Hint::from("create it, or change ").field("namespace"))
            .with_field("namespace");
        return Some(cause);
    }
    let name = between(
        text,
        "unable to create new content in namespace ",
        " because it is being terminated",
    )?;
    let message = format!("the namespace `{}` is being deleted", quoted(name));
    let cause = Explanation::new(Reason::NamespaceMissing, message)
        .with_hint(
            Hint::from("wait until it is gone and create it again, or change ").field("namespace"),
        )
        .with_field("namespace");
    Some(cause)
}

/// `User "U" cannot create resource "jobs" in API group "batch" in the namespace "N"`
/// (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go`).
fn permission(text: &str) -> Option<Explanation> {
    let (_, rest) = text.split_once("User \"")?;
    let (user, rest) = rest.split_once("\" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once('"')?;
    let group = between(rest, "in API group \"", "\"").unwrap_or_default();
    let place = between(rest, "in the namespace \"", "\"");
    let (user, verb, resource, group) =
        (quoted(user), quoted(verb), quoted(resource), quoted(group));
    let place = match place {
        Some(namespace) => format!("the namespace `{}`", quoted(namespace)),
        None => "the whole cluster".to_owned(),
    };
    let message = format!("`{user}` is not allowed to {verb} {resource} in {place}");
    let hint = format!(
        "add to a Role of this user: `apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]`; \
         a Role with all required rules is in toolhost's `deploy/`: `kubectl apply -k deploy`"
    );
    Some(Explanation::new(Reason::Denied, message).with_hint(hint))
}

fn missing_class(text: &str) -> Option<Explanation> {
    let (kind, name, field) =
        if let Some(name) = between(text, "no PriorityClass with name ", " was found") {
            ("PriorityClass", name, "priorityClassName")
        } else {
            let name = between(text, "RuntimeClass \"", "\" not found")?;
            ("RuntimeClass", name, "runtimeClassName")
        };
    let message = format!("the cluster has no {kind} `{}`", quoted(name));
    let cause = Explanation::new(Reason::ConfigMissing, message)
        .with_hint(format!("create it, or change `{field}`"))
        .with_field(field);
    Some(cause)
}

/// `maximum memory usage per Container is 512Mi, but limit is 800Mi`
/// (`plugin/pkg/admission/limitranger/admission.go`).
fn limit_range(text: &str) -> Option<Explanation> {
    let start = ["maximum ", "minimum "]
        .iter()
        .filter_map(|word| text.find(word))
        .min()?;
    let said = text.get(start..)?;
    if !said.contains(" usage per ") && !said.contains(" ratio per ") {
        return None;
    }
    let resource = said.split_whitespace().nth(1).unwrap_or_default();
    let message = format!(
        "the namespace's LimitRange refuses the job: {}",
        quoted(said)
    );
    let field = match resource {
        "cpu" | "memory" | "ephemeral-storage" => {
            FieldPath::from("resources.limits").key(resource.to_owned())
        }
        _ => "resources".into(),
    };
    let cause = Explanation::new(Reason::PolicyDenied, message)
        .with_hint(
            Hint::from("keep ")
                .field("resources")
                .text(" within the LimitRange"),
        )
        .with_field(field);
    Some(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> (Explanation, Class) {
        not_admitted(text, &WaitPolicy::default()).unwrap()
    }

    #[test]
    fn a_full_quota_is_distinguished_from_one_that_is_too_small() {
        let text = "exceeded quota: q, requested: limits.memory=1Gi,pods=1, used: limits.memory=3Gi,pods=1, limited: limits.memory=4096Mi,pods=1";
        assert_eq!(judge(text).1, Class::Patient);
        let text = "exceeded quota: q, requested: limits.memory=5Gi, used: limits.memory=0, limited: limits.memory=4096Mi";
        let (cause, class) = judge(text);
        assert_eq!(class, Class::Hopeless);
        assert_eq!(
            cause.field_text().as_deref(),
            Some("resources.limits.memory")
        );
    }

    /// Texts of other clusters: OpenShift, and a quota that requires limits.
    #[test]
    fn requirements_of_other_clusters_are_named() {
        let (cause, _) = judge(
            r#"pods "a-" is forbidden: failed quota: compute: must specify limits.cpu for: job; limits.memory for: job"#,
        );
        assert!(
            cause.message.contains("limits.cpu for: job"),
            "{}",
            cause.message
        );
        assert_eq!(cause.field_text().as_deref(), Some("resources"));
        let (cause, _) = judge(
            r#"pods "a-" is forbidden: unable to validate against any security context constraint: [provider "anyuid": Forbidden: not usable by user or serviceaccount]"#,
        );
        assert_eq!(cause.reason, Reason::PolicyDenied);
    }

    #[test]
    fn an_unknown_text_has_no_cause() {
        for text in [
            "",
            "something",
            "exceeded quota: q",
            "User \"x\" cannot",
            "maximum",
        ] {
            assert_eq!(not_admitted(text, &WaitPolicy::default()), None, "{text}");
        }
    }
}
