//! Defaults and checks, as far as a client of Jobs meets them.

use serde_json::{Map, Value, json};

use crate::json::{array, default, entry, list, number, object, text};
use crate::kind::{CONFIG_MAPS, JOBS, Kind, PODS, SECRETS};
use crate::status::{Cause, Refusal};

/// The most that the data of a Secret or a config map may have (`MaxSecretSize`).
const MAX_DATA_BYTES: usize = 1 << 20;
/// The most that all annotations may have (`TotalAnnotationSizeLimitB`).
const MAX_ANNOTATION_BYTES: usize = 256 << 10;

/// Fills in what the API server fills in.
pub(super) fn set_defaults(kind: &'static Kind, value: &mut Value) {
    *entry(value, "kind") = kind.name.into();
    *entry(value, "apiVersion") = kind.api_version().into();
    if kind == &JOBS {
        let has_policy = value.pointer("/spec/podFailurePolicy").is_some();
        let replacement = if has_policy {
            "Failed"
        } else {
            "TerminatingOrFailed"
        };
        let spec = object(value, "spec");
        default(spec, "parallelism", 1);
        default(spec, "completions", 1);
        default(spec, "backoffLimit", 6);
        default(spec, "completionMode", "NonIndexed");
        default(spec, "suspend", false);
        default(spec, "manualSelector", false);
        default(spec, "podReplacementPolicy", replacement);
        pod_defaults(object(entry(value, "spec"), "template"));
    } else if kind == &PODS {
        pod_defaults_of(object(value, "spec"));
    } else if kind == &SECRETS {
        // Unlike the real one, this store has the text as it would be in `data` only.
        let plain = object(value, "stringData").clone();
        let map = object(value, "data");
        for (name, text) in plain {
            use base64::Engine as _;
            let bytes = text.as_str().unwrap_or("").as_bytes();
            let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
            map.insert(name, encoded.into());
        }
        if let Some(fields) = value.as_object_mut() {
            fields.remove("stringData");
            default(fields, "type", "Opaque");
        }
    }
}

/// What the labels and the selector of a Job become when it has its UID.
pub(super) fn set_controller_labels(job: &mut Value, uid: &str) {
    let name = text(job, "/metadata/name").to_owned();
    let labels = [
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", uid),
        ("job-name", &name),
    ];
    let spec = entry(job, "spec");
    let selector = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    *entry(spec, "selector") = selector;
    let metadata = entry(entry(spec, "template"), "metadata");
    for (label, value) in labels {
        object(metadata, "labels").insert(label.to_owned(), value.into());
    }
    // A Job without labels of its own gets those of its pods.
    let template = metadata.get("labels").cloned().unwrap_or_default();
    let metadata = entry(job, "metadata");
    if object(metadata, "labels").is_empty() {
        *entry(metadata, "labels") = template;
    }
}

fn pod_defaults(template: &mut Map<String, Value>) {
    let spec = template.entry("spec").or_insert_with(|| json!({}));
    if let Some(spec) = spec.as_object_mut() {
        pod_defaults_of(spec);
    }
}

fn pod_defaults_of(spec: &mut Map<String, Value>) {
    default(spec, "restartPolicy", "Always");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "schedulerName", "default-scheduler");
    default(spec, "securityContext", json!({}));
    for which in ["containers", "initContainers"] {
        if !spec.contains_key(which) {
            continue;
        }
        for container in array(spec, which) {
            let image = text(container, "/image").to_owned();
            let has_tag = image
                .rsplit('/')
                .next()
                .is_some_and(|last| last.contains([':', '@']));
            let is_latest = !has_tag || image.ends_with(":latest");
            if let Some(container) = container.as_object_mut() {
                default(container, "resources", json!({}));
                default(container, "terminationMessagePath", "/dev/termination-log");
                default(container, "terminationMessagePolicy", "File");
                let policy = if is_latest { "Always" } else { "IfNotPresent" };
                default(container, "imagePullPolicy", policy);
            }
        }
    }
    if spec.contains_key("volumes") {
        for volume in array(spec, "volumes") {
            for source in ["secret", "configMap", "projected", "downwardAPI"] {
                if let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) {
                    default(source, "defaultMode", 0o644);
                }
            }
        }
    }
}

/// Checks a new object.
pub(super) fn check(kind: &'static Kind, value: &Value) -> Result<(), Refusal> {
    let name = text(value, "/metadata/name");
    let mut causes = Vec::new();
    if name.is_empty() {
        let message = "Required value: name or generateName is required";
        causes.push(Cause::new("metadata.name", "FieldValueRequired", message));
    } else if !is_subdomain(name) {
        let message = format!(
            "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
             characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', \
             regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        );
        causes.push(Cause::new("metadata.name", "FieldValueInvalid", message));
    }
    check_metadata(value, &mut causes);
    if kind == &JOBS {
        check_job(value, &mut causes);
    }
    if kind == &SECRETS || kind == &CONFIG_MAPS {
        let size: usize = ["data", "binaryData"]
            .map(|field| data_bytes(value, field))
            .iter()
            .sum();
        if size > MAX_DATA_BYTES {
            let message = format!("Too long: may not be more than {MAX_DATA_BYTES} bytes");
            causes.push(Cause::new("data", "FieldValueTooLong", message));
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(kind.name, kind.group, name, &causes))
}

fn data_bytes(value: &Value, field: &str) -> usize {
    let entries = value.get(field).and_then(Value::as_object);
    let texts = entries
        .into_iter()
        .flat_map(Map::values)
        .filter_map(Value::as_str);
    // Base64 has four characters for three bytes.
    let is_plain = field == "data" && value.get("kind").is_some_and(|kind| kind == "ConfigMap");
    texts
        .map(|text| {
            if is_plain {
                text.len()
            } else {
                text.len() / 4 * 3
            }
        })
        .sum()
}

fn check_metadata(value: &Value, causes: &mut Vec<Cause>) {
    let map = |path| value.pointer(path).and_then(Value::as_object);
    for (label, content) in map("/metadata/labels").into_iter().flatten() {
        let content = content.as_str().unwrap_or("");
        if content.len() > 63 || !is_label_value(content) {
            let message = format!(
                "Invalid value: \"{content}\": a valid label must be an empty string or \
                 consist of alphanumeric characters, '-', '_' or '.' ({label})"
            );
            causes.push(Cause::new("metadata.labels", "FieldValueInvalid", message));
        }
    }
    check_annotations(value, "metadata.annotations", causes);
}

fn check_annotations(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    let annotations = value.pointer(&format!("/{}", field.replace('.', "/")));
    let annotations = annotations.and_then(Value::as_object).into_iter().flatten();
    let size: usize = annotations
        .map(|(name, content)| name.len() + content.as_str().map_or(0, str::len))
        .sum();
    if size > MAX_ANNOTATION_BYTES {
        let message = format!("Too long: may not be more than {MAX_ANNOTATION_BYTES} bytes");
        causes.push(Cause::new(field, "FieldValueTooLong", message));
    }
}

fn check_job(job: &Value, causes: &mut Vec<Cause>) {
    if text(job, "/metadata/name").len() > 63 {
        let message = "Invalid value: must be no more than 63 characters";
        causes.push(Cause::new("metadata.name", "FieldValueInvalid", message));
    }
    for field in [
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ] {
        if let Some(value) = number(job, &format!("/spec/{field}"))
            && value < 0
        {
            let message = format!("Invalid value: {value}: must be greater than or equal to 0");
            causes.push(Cause::new(
                &format!("spec.{field}"),
                "FieldValueInvalid",
                message,
            ));
        }
    }
    check_annotations(job, "spec.template.metadata.annotations", causes);
    let pod = "/spec/template/spec";
    let policy = text(job, &format!("{pod}/restartPolicy"));
    if !matches!(policy, "Never" | "OnFailure") {
        let message = "Required value: valid values: \"OnFailure\", \"Never\"";
        let field = "spec.template.spec.restartPolicy";
        causes.push(Cause::new(field, "FieldValueRequired", message));
    }
    let containers = list(job, &format!("{pod}/containers"));
    if containers.is_empty() {
        let field = "spec.template.spec.containers";
        causes.push(Cause::new(field, "FieldValueRequired", "Required value"));
    }
    for (index, container) in containers.iter().enumerate() {
        let field = format!("spec.template.spec.containers[{index}]");
        if text(container, "/image").is_empty() {
            let field = format!("{field}.image");
            causes.push(Cause::new(&field, "FieldValueRequired", "Required value"));
        }
        for mount in list(container, "/volumeMounts") {
            let name = text(mount, "/name");
            let mut volumes = list(job, &format!("{pod}/volumes")).iter();
            if !volumes.any(|volume| text(volume, "/name") == name) {
                let field = format!("{field}.volumeMounts[0].name");
                causes.push(Cause::new(
                    &field,
                    "FieldValueNotFound",
                    format!("Not found: \"{name}\""),
                ));
            }
        }
    }
}

/// What of a Job may not change once it is there.
pub(super) fn check_change(kind: &'static Kind, old: &Value, new: &Value) -> Result<(), Refusal> {
    let name = text(old, "/metadata/name");
    let immutable: &[&str] = if kind == &JOBS {
        &["/spec/template", "/spec/selector", "/spec/completionMode"]
    } else if text(old, "/metadata/uid").is_empty() || old.get("immutable") != Some(&json!(true)) {
        &[]
    } else {
        &["/data", "/binaryData", "/immutable"]
    };
    let causes: Vec<Cause> = immutable
        .iter()
        .filter(|path| old.pointer(path) != new.pointer(path))
        .map(|path| {
            let field = path.trim_start_matches('/').replace('/', ".");
            Cause::new(
                &field,
                "FieldValueInvalid",
                "Invalid value: field is immutable",
            )
        })
        .collect();
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(kind.name, kind.group, name, &causes))
}

/// RFC 1123: labels of letters, digits and `-`, with dots between them.
fn is_subdomain(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.chars().all(is_inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn is_label_value(value: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.chars().all(is_inner) && is_edge(value.chars().next()) && is_edge(value.chars().last())
}
