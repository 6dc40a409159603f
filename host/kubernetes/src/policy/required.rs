//! Required fields: those whose absence is a permission.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec, SecurityContext};

use toolhost_capability::FieldSegment;

use super::controls::may_go_without;
use super::references::token;
use super::review::{Denial, Review, Violation, field_path};
use super::settings::{Confinement, PodSecurity};

/// The lists of containers of a pod.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The relevant part of a container.
struct Container<'pod> {
    list: &'static str,
    index: usize,
    context: Option<&'pod SecurityContext>,
}

/// Returns all missing fields.
pub(super) fn violations(review: &Review<'_>, job: &Job) -> Vec<Violation> {
    let template = job.spec.as_ref().map(|spec| &spec.template);
    let Some(pod) = template.and_then(|template| template.spec.as_ref()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // Kubernetes mounts a token by default.
    if pod.automount_service_account_token.is_none() {
        note(
            review,
            &mut found,
            vec![key("automountServiceAccountToken")],
            token(review),
        );
    }
    let of_pod = pod.security_context.as_ref();
    let path = vec![key("securityContext"), key("seccompProfile")];
    note(review, &mut found, path, seccomp(review, pod));
    for container in containers(pod) {
        for (field, verdict) in verdicts(review, of_pod, container.context) {
            let path = vec![
                key(container.list),
                FieldSegment::Index(container.index),
                key("securityContext"),
                key(field),
            ];
            note(review, &mut found, path, verdict);
        }
    }
    found
}

fn verdicts(
    review: &Review<'_>,
    of_pod: Option<&PodSecurityContext>,
    context: Option<&SecurityContext>,
) -> Vec<(&'static str, Result<(), Denial>)> {
    let mut verdicts = Vec::new();
    let policy = review.policy;
    if policy.pod_security == PodSecurity::Restricted {
        let is_privileged = policy.privileged && context.and_then(|c| c.privileged) == Some(true);
        let escalation = context.and_then(|context| context.allow_privilege_escalation);
        // Kubernetes considers the two together a contradiction.
        if escalation != Some(false) && !is_privileged {
            let what = "containers must have `allowPrivilegeEscalation: false`";
            verdicts.push(("allowPrivilegeEscalation", Err(baseline(what))));
        }
        let dropped = context
            .and_then(|context| context.capabilities.as_ref())
            .and_then(|capabilities| capabilities.drop.as_ref());
        let drops_all = dropped.is_some_and(|dropped| {
            let mut dropped = dropped.iter();
            dropped.any(|name| name.eq_ignore_ascii_case("all"))
        });
        if !drops_all && !is_privileged {
            let what = "containers must drop all capabilities (`drop: [ALL]`)";
            verdicts.push(("capabilities", Err(baseline(what))));
        }
    }
    if !policy.run_as_root {
        let is_not_root = context
            .and_then(|context| context.run_as_non_root)
            .or(of_pod.and_then(|of_pod| of_pod.run_as_non_root));
        if is_not_root != Some(true) {
            let what = "the pod or its container must have `runAsNonRoot: true`";
            let denial = Denial::new(what, "run-as-root: true");
            verdicts.push(("runAsNonRoot", Err(denial)));
        }
    }
    verdicts
}

/// One profile for the pod is enough, or one for each container.
fn seccomp(review: &Review<'_>, pod: &PodSpec) -> Result<(), Denial> {
    let is_required = review.policy.pod_security == PodSecurity::Restricted
        && !may_go_without(review, Confinement::Seccomp);
    let of_pod = pod.security_context.as_ref();
    let has_one = of_pod.is_some_and(|of_pod| of_pod.seccomp_profile.is_some());
    let has_its_own = |container: &Container<'_>| {
        let context = container.context;
        context.is_some_and(|context| context.seccomp_profile.is_some())
    };
    if !is_required || has_one || containers(pod).iter().all(has_its_own) {
        return Ok(());
    }
    let what = "the pod or each of its containers must have a `seccompProfile`";
    Err(Denial::new(what, "unconfined: [seccomp]"))
}

fn baseline(what: &str) -> Denial {
    Denial::new(what, "pod-security: baseline")
}

fn containers(pod: &PodSpec) -> Vec<Container<'_>> {
    let [init, main, ephemeral] = LISTS;
    let container = |list, index, context| Container {
        list,
        index,
        context,
    };
    let inits = pod.init_containers.iter().flatten().enumerate();
    let mains = pod.containers.iter().enumerate();
    let ephemerals = pod.ephemeral_containers.iter().flatten().enumerate();
    inits
        .map(|(index, one)| container(init, index, one.security_context.as_ref()))
        .chain(mains.map(|(index, one)| container(main, index, one.security_context.as_ref())))
        .chain(
            ephemerals
                .map(|(index, one)| container(ephemeral, index, one.security_context.as_ref())),
        )
        .collect()
}

fn note(
    review: &Review<'_>,
    found: &mut Vec<Violation>,
    field: Vec<FieldSegment>,
    verdict: Result<(), Denial>,
) {
    let Err(denial) = verdict else { return };
    let mut path = vec![key("spec"), key("template"), key("spec")];
    path.extend(field);
    let field = field_path(&path);
    if review.policy.has_field(&field) {
        return;
    }
    found.push(Violation {
        path,
        what: denial.what,
        line: denial.line.unwrap_or_else(|| format!("fields: [{field}]")),
    });
}

fn key(name: &str) -> FieldSegment {
    FieldSegment::Key(name.to_owned().into())
}
