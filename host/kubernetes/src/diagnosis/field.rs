//! Maps a field that Kubernetes complains about to the user's configuration.

use toolhost_capability::FieldPath;

/// Fields of a container, a pod or a job that users write below `job` under the same name, and that engines pass on
/// unchanged, so that the rest of the path is correct as well.
const PASSED_ON: [&str; 12] = [
    "affinity",
    "args",
    "image",
    "imagePullPolicy",
    "nodeSelector",
    "priorityClassName",
    "runtimeClassName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "backoffLimit",
    "workingDir",
];
/// Lists to which the engine adds entries of its own: an index means nothing to the user.
const ADDED_TO: [&str; 6] = [
    "activeDeadlineSeconds",
    "command",
    "imagePullSecrets",
    "ttlSecondsAfterFinished",
    "volumeMounts",
    "volumes",
];

/// Returns the path in the request, such as `image` for
/// `spec.template.spec.containers[0].image`; none for what requests do not contain.
///
/// It accepts paths of jobs and of pods, and those of Go's decoder, which have no indexes.
pub(super) fn request_path(path: &str) -> Option<FieldPath> {
    let path = path.strip_prefix("spec.template.").unwrap_or(path);
    if let Some(metadata) = path.strip_prefix("metadata.") {
        return match name_of(metadata) {
            name @ ("labels" | "annotations" | "namespace") => option(name),
            _ => None,
        };
    }
    let path = path.strip_prefix("spec.").unwrap_or(path);
    let path = path
        .strip_prefix("containers[0].")
        .or_else(|| path.strip_prefix("containers."))
        .unwrap_or(path);
    match name_of(path) {
        "resources" => option(&with_points(path)),
        name if PASSED_ON.contains(&name) => option(path),
        "env" => option("environment"),
        name if ADDED_TO.contains(&name) => option(name),
        "selector" | "template" | "suspend" | "manualSelector" | "" => None,
        _ => Some("podTemplate".into()),
    }
}

fn option(path: &str) -> Option<FieldPath> {
    path.parse().ok()
}

/// Returns the first name of a path.
fn name_of(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

/// Converts `limits[cpu]` to `limits.cpu`.
fn with_points(path: &str) -> String {
    path.replace('[', ".").replace(']', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_mapped_to_what_the_user_wrote() {
        let cases = [
            ("spec.template.spec.containers[0].image", Some("image")),
            ("spec.containers[0].image", Some("image")),
            (
                "spec.template.spec.containers[0].resources.limits[foo]",
                Some("resources.limits.foo"),
            ),
            (
                "spec.template.spec.containers[0].env[3].name",
                Some("environment"),
            ),
            (
                "spec.template.spec.containers.volumeMounts",
                Some("volumeMounts"),
            ),
            (
                "spec.template.spec.tolerations[0].operator",
                Some("tolerations[0].operator"),
            ),
            (
                "spec.template.spec.securityContext.runAsUser",
                Some("securityContext.runAsUser"),
            ),
            (
                "spec.template.spec.serviceAccountName",
                Some("serviceAccountName"),
            ),
            ("spec.template.spec.dnsPolicy", Some("podTemplate")),
            (
                "spec.template.spec.initContainers[0].image",
                Some("podTemplate"),
            ),
            ("spec.template.metadata.labels", Some("labels")),
            ("spec.activeDeadlineSeconds", Some("activeDeadlineSeconds")),
            ("metadata.labels", Some("labels")),
            ("metadata.namespace", Some("namespace")),
            ("metadata.name", None),
            ("spec.selector", None),
            ("", None),
        ];
        for (path, expected) in cases {
            assert_eq!(
                request_path(path).map(|field| field.to_string()).as_deref(),
                expected,
                "{path}"
            );
        }
    }
}
