mod image;
mod inputs;
mod policy;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec, VolumeMount};
use serde_json::{Value, json};
use toolhost_capability::{MAX_ARGUMENT_BYTES, Reason, Script};
use toolhost_diagnostic::Document;

use super::*;
use crate::policy::Policy;

const UID: &str = "5f8f3c5e-0000-4000-8000-000000000001";

fn settings() -> ManifestSettings {
    ManifestSettings {
        policy: Arc::new(Policy::open()),
        ..ManifestSettings::default()
    }
}

/// The full example of the specification, as the script tool requests it.
fn full() -> JobRequest {
    let command = ["python3", "$(NOETL_SCRIPT)", "$(NOETL_ARGS)"];
    let mut request = JobRequest::new(
        "script-data-processor-522095307073519743".parse().unwrap(),
        command.map(str::to_owned).into(),
    );
    request.execution_id = "522095307073519743".to_owned();
    request.script = Some(Script {
        file_name: "processor.py".parse().unwrap(),
        content: Bytes::from_static(b"print('hello')\n"),
    });
    request.environment = [
        ("DATABASE_URL", "postgres://hunter2"),
        ("GCP_TOKEN", "ya29.hunter2"),
        ("LOG_LEVEL", "INFO"),
        ("NOETL_ARGS", r#"{"mode":"batch","chunk_size":1000}"#),
    ]
    .map(|(name, value)| (name.parse().unwrap(), SecretString::from(value)))
    .into();
    request.backoff_limit = 3;
    request.active_deadline = Some(Duration::from_hours(1));
    request.labels = texts(&[
        ("app", "noetl-script"),
        ("app.kubernetes.io/managed-by", "toolhost"),
        ("app.kubernetes.io/name", "noetl-script"),
        ("noetl.io/execution-id", "522095307073519743"),
        ("noetl.io/step", "data_processor"),
    ]);
    request.annotations = texts(&[("noetl.io/spec-hash", "siphash:00")]);
    request.requests = texts(&[("memory", "512Mi"), ("cpu", "1000m")]);
    request.limits = texts(&[("memory", "2Gi"), ("cpu", "2000m")]);
    request.options = BTreeMap::from([
        ("image".to_owned(), json!("python:3.11-slim")),
        ("imagePullPolicy".to_owned(), json!("IfNotPresent")),
        ("namespace".to_owned(), json!("noetl")),
        ("ttlSecondsAfterFinished".to_owned(), json!(300)),
    ]);
    request
}

fn texts(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    entries.iter().map(owned).collect()
}

/// The full example with additional options.
fn with(options: Value) -> JobRequest {
    let mut request = full();
    let Value::Object(options) = options else {
        panic!("not an object");
    };
    request.options.extend(options);
    request
}

fn with_script(bytes: usize) -> JobRequest {
    let mut request = full();
    request.script = Some(Script {
        file_name: "a $(b).py".parse().unwrap(),
        content: Bytes::from(vec![b'x'; bytes]),
    });
    request
}

fn with_variable(name: &str, value: String) -> JobRequest {
    let mut request = full();
    request
        .environment
        .push((name.parse().unwrap(), value.into()));
    request
}

fn manifest(request: &JobRequest) -> Manifest {
    Manifest::new(request, &settings()).unwrap()
}

fn refusal(request: &JobRequest) -> CapabilityError {
    Manifest::new(request, &settings()).unwrap_err()
}

fn pod(manifest: &Manifest) -> PodSpec {
    manifest.job(true).spec.unwrap().template.spec.unwrap()
}

fn script(manifest: &Manifest) -> Container {
    pod(manifest).containers.remove(0)
}

fn variable(manifest: &Manifest, name: &str) -> EnvVar {
    let variables = script(manifest).env.unwrap();
    variables.into_iter().find(|one| one.name == name).unwrap()
}

fn data(manifest: &Manifest) -> BTreeMap<String, ByteString> {
    manifest.secret(UID).unwrap().data.unwrap()
}

#[test]
fn the_full_example_of_the_specification_is_this_job() {
    let manifest = manifest(&full());
    let golden = Document::parse("full.yaml", include_str!("full.yaml"))
        .unwrap()
        .to_value();
    let seen = json!({"job": manifest.job(true), "secret": manifest.secret(UID)});
    assert_eq!(
        seen,
        golden,
        "\n{}",
        serde_json::to_string_pretty(&seen).unwrap()
    );
    assert!(manifest.config_maps(UID).is_empty());
}

#[test]
fn no_value_of_the_environment_is_in_the_job() {
    let manifest = manifest(&full());
    let job = serde_json::to_string(&manifest.job(true)).unwrap();
    assert!(
        !job.contains("hunter2") && !job.contains("chunk_size"),
        "{job}"
    );
    assert!(!format!("{manifest:?}").contains("hunter2"));
}

#[test]
fn variables_come_from_the_secret_in_their_order() {
    let manifest = manifest(&full());
    let seen: Vec<_> = script(&manifest)
        .env
        .unwrap()
        .into_iter()
        .map(|one| {
            let key = one.value_from.and_then(|source| source.secret_key_ref);
            (one.name, key.map(|key| (key.name, key.key)), one.value)
        })
        .collect();
    let referred = |name: &str| {
        let key = (secret_name(manifest.name()), name.to_owned());
        (name.to_owned(), Some(key), None)
    };
    let plain = |name: &str, value: &str| (name.to_owned(), None, Some(value.to_owned()));
    assert_eq!(
        seen,
        [
            referred("DATABASE_URL"),
            referred("GCP_TOKEN"),
            referred("LOG_LEVEL"),
            referred("NOETL_ARGS"),
            plain("NOETL_ARGS_FILE", "/noetl/arguments/arguments.json"),
            plain("NOETL_SCRIPT", "/noetl/script/processor.py"),
        ]
    );
}

#[test]
fn arguments_are_a_file_and_a_variable_unless_they_are_large() {
    let empty = manifest(&with_variable("NOETL_ARGS", "{}".to_owned()));
    assert_eq!(data(&empty)["NOETL_ARGS"].0, b"{}");

    let large = manifest(&with_variable(
        "NOETL_ARGS",
        "x".repeat(MAX_ARGUMENT_BYTES + 1),
    ));
    let value = variable(&large, "NOETL_ARGS").value.unwrap();
    assert_eq!(value, "@/noetl/arguments/arguments.json");
    assert_eq!(
        data(&large)["noetl.arguments"].0.len(),
        MAX_ARGUMENT_BYTES + 1
    );
    assert!(!data(&large).contains_key("NOETL_ARGS"));
    assert!(large.warning().unwrap().contains("120001 bytes"));

    for (manifest, key) in [(&empty, "NOETL_ARGS"), (&large, "noetl.arguments")] {
        let volumes = pod(manifest).volumes.unwrap();
        let volume = volumes.iter().find(|one| one.name == "noetl-files");
        let items = volume.unwrap().secret.as_ref().unwrap().items.as_ref();
        let item = &items.unwrap()[1];
        assert_eq!(
            (item.key.as_str(), item.path.as_str()),
            (key, "arguments/arguments.json")
        );
    }
}

#[test]
fn a_script_is_stored_according_to_its_size() {
    let environment: usize = data(&manifest(&full()))
        .iter()
        .filter(|(name, _)| *name != "noetl.script")
        .map(|(_, value)| value.0.len())
        .sum();
    for (bytes, in_secret, config_maps) in [
        (0, true, 0),
        (900_000 - environment, true, 0),
        (900_001 - environment, false, 1),
        (900_000, false, 1),
        (900_001, false, 2),
        (16 << 20, false, 19),
    ] {
        let manifest = manifest(&with_script(bytes));
        assert_eq!(
            data(&manifest).contains_key("noetl.script"),
            in_secret,
            "{bytes}"
        );
        let stored = manifest.config_maps(UID);
        assert_eq!(stored.len(), config_maps, "{bytes}");
        let total: usize = stored
            .iter()
            .map(|one| one.data.as_ref().unwrap()["noetl.script"].len())
            .sum();
        assert_eq!(total, if in_secret { 0 } else { bytes });
        let joins = pod(&manifest).init_containers.is_some();
        assert_eq!(joins, config_maps > 1, "{bytes}");
        // `$` begins a reference in values and commands.
        let path = variable(&manifest, "NOETL_SCRIPT").value.unwrap();
        assert_eq!(path, "/noetl/script/a $$(b).py");
    }
}

#[test]
fn parts_of_a_script_are_joined_in_their_order_by_the_image_itself() {
    let manifest = manifest(&with_script(900_001));
    let pod = pod(&manifest);
    let join = &pod.init_containers.as_ref().unwrap()[0];
    let script = &pod.containers[0];
    assert_eq!(join.image, script.image);
    assert_eq!(join.resources, script.resources);
    assert_eq!(join.security_context, script.security_context);
    let command = join.command.as_ref().unwrap();
    assert_eq!(command.last().unwrap(), "/noetl/script/a $$(b).py");
    let volumes = pod.volumes.unwrap();
    let parts = volumes.iter().find(|one| one.name == "noetl-script-parts");
    let sources = parts.unwrap().projected.as_ref().unwrap().sources.as_ref();
    let seen: Vec<_> = sources
        .unwrap()
        .iter()
        .map(|source| {
            let config_map = source.config_map.as_ref().unwrap();
            (
                config_map.name.clone(),
                config_map.items.as_ref().unwrap()[0].path.clone(),
            )
        })
        .collect();
    let names: Vec<_> = manifest
        .config_maps(UID)
        .into_iter()
        .map(|one| one.metadata.name.unwrap())
        .zip(["part-00".to_owned(), "part-01".to_owned()])
        .collect();
    assert_eq!(seen, names);
}

#[test]
fn a_binary_script_is_kept_byte_for_byte() {
    let mut request = full();
    let content = Bytes::from(vec![0xff; 900_001]);
    request.script = Some(Script {
        file_name: "tool".parse().unwrap(),
        content: content.clone(),
    });
    let stored = manifest(&request).config_maps(UID);
    let joined: Vec<u8> = stored
        .into_iter()
        .flat_map(|one| one.binary_data.unwrap().remove("noetl.script").unwrap().0)
        .collect();
    assert_eq!(joined, content);
}

#[test]
fn sizes_that_no_cluster_stores_are_refused_with_the_limit() {
    let script = refusal(&with_script((16 << 20) + 1));
    assert_eq!(script.explanation.reason, Reason::TooLarge);
    assert!(
        script.explanation.message.contains("16777217")
            && script.explanation.message.contains("16777216")
    );

    let arguments = refusal(&with_variable("NOETL_ARGS", "x".repeat(1 << 20)));
    assert_eq!(arguments.explanation.reason, Reason::TooLarge);
    assert_eq!(
        arguments.explanation.field_text().as_deref(),
        Some("environment.NOETL_ARGS")
    );
    assert!(
        arguments.explanation.message.contains("1048576"),
        "{arguments}"
    );

    let mut request = full();
    request.environment = (0..10)
        .map(|index| {
            (
                format!("V{index}").parse().unwrap(),
                "x".repeat(120_000).into(),
            )
        })
        .collect();
    assert_eq!(
        refusal(&request).explanation.field_text().as_deref(),
        Some("environment")
    );

    let mut request = full();
    request.command.push("x".repeat(MAX_JOB_BYTES));
    assert_eq!(refusal(&request).explanation.reason, Reason::TooLarge);
}

#[test]
fn the_objects_belong_to_the_job() {
    let manifest = manifest(&with_script(900_001));
    let config_maps = manifest
        .config_maps(UID)
        .into_iter()
        .map(|one| one.metadata);
    for metadata in config_maps.chain(manifest.secret(UID).map(|one| one.metadata)) {
        let owner = &metadata.owner_references.unwrap()[0];
        assert_eq!((owner.kind.as_str(), owner.uid.as_str()), ("Job", UID));
        assert_eq!(owner.block_owner_deletion, Some(false));
        assert_eq!(metadata.namespace.as_deref(), Some("noetl"));
        assert_eq!(metadata.labels, manifest.job(true).metadata.labels);
    }
}

#[test]
fn the_job_is_suspended_on_request() {
    for suspended in [true, false] {
        let job = manifest(&full()).job(suspended);
        assert_eq!(job.spec.unwrap().suspend, Some(suspended));
    }
}

#[test]
fn the_hash_depends_on_the_specification_only() {
    let hash = |request: &JobRequest| manifest(request).spec_hash().to_owned();
    let first = hash(&full());
    assert_eq!(first, hash(&full()));
    let annotations = manifest(&full()).job(true).metadata.annotations.unwrap();
    assert_eq!(annotations[SPEC_HASH_ANNOTATION], first);

    let mut renewed = full();
    renewed.environment[1].1 = "ya29.renewed".into();
    assert_eq!(first, hash(&renewed), "values do not count");
    let unsuspended = manifest(&full()).job(false).metadata.annotations.unwrap();
    assert_eq!(unsuspended[SPEC_HASH_ANNOTATION], first);

    let selector = |keys: [&str; 2]| {
        let entries = keys.map(|key| (key.to_owned(), json!("x")));
        hash(&with(
            json!({"nodeSelector": Value::Object(entries.into_iter().collect())}),
        ))
    };
    assert_eq!(
        selector(["a", "b"]),
        selector(["b", "a"]),
        "order does not count"
    );

    let mut others = vec![
        with_variable("MORE", "x".to_owned()),
        with_script(15),
        with(json!({"image": "python:3.12-slim"})),
        with(json!({"ttlSecondsAfterFinished": 301})),
        with(json!({"podTemplate": {"spec": {"hostNetwork": true}}})),
    ];
    let mut retries = full();
    retries.backoff_limit = 4;
    others.push(retries);
    let hashes: std::collections::BTreeSet<_> = others.iter().map(hash).collect();
    assert_eq!(hashes.len(), others.len());
    assert!(!hashes.contains(&first));
}

#[test]
fn the_hash_of_a_tool_is_kept_together_with_the_hash_of_the_engine() {
    let annotations = manifest(&full()).job(true).metadata.annotations.unwrap();
    assert_eq!(annotations["noetl.io/tool-spec-hash"], "siphash:00");
    assert!(annotations["noetl.io/spec-hash"].starts_with("sha256:"));
}

#[test]
fn a_minimal_request_gets_the_labels_that_identify_it() {
    let mut request = JobRequest::new("job".parse().unwrap(), vec!["sh".to_owned()]);
    request.execution_id = "not a label!".to_owned();
    assert_eq!(
        refusal(&request).explanation.field_text().as_deref(),
        Some("image")
    );
    let settings = ManifestSettings {
        default_image: Some("busybox:1".to_owned()),
        labels: texts(&[("team", "data")]),
        ..settings()
    };
    let job = Manifest::new(&request, &settings).unwrap().job(true);
    assert_eq!(job.metadata.namespace.as_deref(), Some("noetl"));
    let labels = texts(&[
        ("app", "noetl-script"),
        ("app.kubernetes.io/component", "job"),
        ("app.kubernetes.io/managed-by", "toolhost"),
        ("app.kubernetes.io/name", "noetl-script"),
        ("team", "data"),
    ]);
    assert_eq!(job.metadata.labels.as_ref(), Some(&labels));
    let pod = job.spec.unwrap().template;
    assert_eq!(pod.metadata.unwrap().labels, Some(labels));
    let mounts = pod.spec.unwrap().containers.remove(0).volume_mounts;
    assert_eq!(mounts.unwrap().len(), 1, "there is no script to mount");
}

#[test]
fn a_deadline_of_a_part_of_a_second_is_one_second() {
    let mut request = full();
    request.active_deadline = Some(Duration::from_millis(1));
    let spec = manifest(&request).job(true).spec.unwrap();
    assert_eq!(spec.active_deadline_seconds, Some(1));
}

#[test]
fn options_reach_the_pod() {
    let request = with(json!({
        "serviceAccountName": "reader",
        "nodeSelector": {"disk": "ssd", "generation": 2},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "low",
        "runtimeClassName": "gvisor",
        "imagePullSecrets": ["one", {"name": "two"}],
        "imagePullPolicy": "Always",
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
        "securityContext": {"runAsUser": 1000, "capabilities": {"add": ["NET_RAW"]}},
    }));
    let manifest = manifest(&request);
    let pod = serde_json::to_value(pod(&manifest)).unwrap();
    for (pointer, expected) in [
        ("/serviceAccountName", json!("reader")),
        ("/automountServiceAccountToken", json!(false)),
        ("/nodeSelector", json!({"disk": "ssd", "generation": "2"})),
        (
            "/tolerations",
            json!([{"key": "gpu", "operator": "Exists"}]),
        ),
        ("/affinity", json!({"nodeAffinity": {}})),
        ("/priorityClassName", json!("low")),
        ("/runtimeClassName", json!("gvisor")),
        (
            "/imagePullSecrets",
            json!([{"name": "one"}, {"name": "two"}]),
        ),
        ("/containers/0/imagePullPolicy", json!("Always")),
        ("/volumes/1", json!({"name": "cache", "emptyDir": {}})),
        (
            "/containers/0/volumeMounts/1",
            json!({"name": "cache", "mountPath": "/cache"}),
        ),
        (
            "/containers/0/securityContext",
            json!({
                "allowPrivilegeEscalation": false,
                "capabilities": {"add": ["NET_RAW"], "drop": ["ALL"]},
                "runAsUser": 1000,
            }),
        ),
    ] {
        assert_eq!(pod.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn devices_are_requested_and_limited() {
    let mut request = full();
    request.requests.insert("nvidia.com/gpu".into(), "1".into());
    request.limits.insert("nvidia.com/gpu".into(), "1".into());
    let resources = script(&manifest(&request)).resources.unwrap();
    assert_eq!(resources.requests.unwrap()["nvidia.com/gpu"].0, "1");
    assert_eq!(resources.limits.unwrap()["nvidia.com/gpu"].0, "1");
}

#[test]
fn a_privileged_container_may_escalate() {
    let request = with(json!({"securityContext": {"privileged": true}}));
    let context = script(&manifest(&request)).security_context.unwrap();
    assert_eq!(context.allow_privilege_escalation, None);
}

#[test]
fn a_pod_template_is_merged_into_the_pod() {
    let request = with(json!({
        "tolerations": [{"key": "a"}],
        "podTemplate": {
            "metadata": {"labels": {"team": "data"}, "annotations": {"sidecar.istio.io/inject": false}},
            "spec": {
                "automountServiceAccountToken": true,
                "securityContext": {"fsGroup": 1000},
                "tolerations": [{"key": "b"}],
                "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": 1}}],
                "containers": [
                    {
                        "name": "script",
                        "workingDir": "/tmp",
                        "env": [{"name": "TZ", "value": "UTC"}],
                        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                    },
                    {"name": "proxy", "image": "envoy"},
                ],
            },
        },
    }));
    let manifest = manifest(&request);
    let template = serde_json::to_value(manifest.job(true).spec.unwrap().template).unwrap();
    for (pointer, expected) in [
        ("/metadata/labels/team", json!("data")),
        ("/metadata/labels/app", json!("noetl-script")),
        (
            "/metadata/annotations/sidecar.istio.io~1inject",
            json!("false"),
        ),
        ("/spec/automountServiceAccountToken", json!(true)),
        (
            "/spec/securityContext",
            json!({"fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}}),
        ),
        ("/spec/tolerations", json!([{"key": "b"}])),
        ("/spec/volumes/1/emptyDir/sizeLimit", json!("1")),
        ("/spec/containers/0/workingDir", json!("/tmp")),
        ("/spec/containers/0/image", json!("python:3.11-slim")),
        (
            "/spec/containers/0/env/6",
            json!({"name": "TZ", "value": "UTC"}),
        ),
        (
            "/spec/containers/0/volumeMounts/1/mountPath",
            json!("/scratch"),
        ),
        (
            "/spec/containers/1",
            json!({"name": "proxy", "image": "envoy"}),
        ),
    ] {
        assert_eq!(template.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn the_join_has_the_image_of_the_merged_container() {
    let mut request = with_script(900_001);
    let template = json!({"spec": {
        "initContainers": [{"name": "first", "image": "x"}],
        "containers": [{"name": "script", "image": "other:1"}],
    }});
    request.options.insert("podTemplate".to_owned(), template);
    let containers = pod(&manifest(&request)).init_containers.unwrap();
    let names: Vec<_> = containers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["noetl-join", "first"]);
    assert_eq!(containers[0].image.as_deref(), Some("other:1"));
}

#[test]
fn invalid_options_are_refused_by_their_path() {
    for (options, field) in [
        (json!({"image": "a b"}), "image"),
        (json!({"image": ["a"]}), "image"),
        (json!({"imagePullPolicy": "Sometimes"}), "imagePullPolicy"),
        (json!({"imagePullSecrets": "one"}), "imagePullSecrets"),
        (
            json!({"imagePullSecrets": [{"nam": "x"}]}),
            "imagePullSecrets[0].nam",
        ),
        (json!({"namespace": "../kube-system"}), "namespace"),
        (json!({"namespace": ""}), "namespace"),
        (json!({"nodeSelector": {"a": []}}), "nodeSelector.a"),
        (json!({"serviceAccountName": {}}), "serviceAccountName"),
        (
            json!({"tolerations": [{"operatr": 1}]}),
            "tolerations[0].operatr",
        ),
        (
            json!({"affinity": {"nodeAfinity": {}}}),
            "affinity.nodeAfinity",
        ),
        (
            json!({"securityContext": {"fsGroup": 1}}),
            "securityContext.fsGroup",
        ),
        (
            json!({"ttlSecondsAfterFinished": -1}),
            "ttlSecondsAfterFinished",
        ),
        (
            json!({"ttlSecondsAfterFinished": "soon"}),
            "ttlSecondsAfterFinished",
        ),
        (
            json!({"volumes": [{"name": "noetl-script"}]}),
            "volumes[0].name",
        ),
        (
            json!({"volumeMounts": [{"name": "a", "mountPath": "//noetl/./x"}]}),
            "volumeMounts[0].mountPath",
        ),
        (json!({"podTemplate": "x"}), "podTemplate"),
        (
            json!({"podTemplate": {"spec": {"containers": [{"name": "script", "imagee": "x"}]}}}),
            "podTemplate.spec.containers[0].imagee",
        ),
        (
            json!({"podTemplate": {"spec": {"hostNetwork": "yes"}}}),
            "podTemplate.spec.hostNetwork",
        ),
    ] {
        let error = refusal(&with(options.clone()));
        assert_eq!(
            error.explanation.field_text().as_deref(),
            Some(field),
            "{options}: {error:?}"
        );
    }
    let unknown = refusal(&with(json!({"nodeSelecter": {}})));
    assert_eq!(unknown.explanation.reason, Reason::Unsupported);
    let of_the_pod = refusal(&with(json!({"securityContext": {"fsGroup": 1}})));
    assert!(
        of_the_pod
            .explanation
            .hint_text()
            .unwrap()
            .contains("podTemplate.spec.securityContext")
    );
}

#[test]
fn invalid_quantities_labels_and_files_are_refused() {
    let mut request = full();
    request.limits.insert("memory".into(), "2GB".into());
    assert_eq!(
        refusal(&request).explanation.field_text().as_deref(),
        Some("resources.limits.memory")
    );

    let mut request = full();
    request
        .labels
        .insert("app.kubernetes.io/managed-by".into(), "helm".into());
    let field = "labels.app.kubernetes.io/managed-by";
    assert_eq!(
        refusal(&request).explanation.field_text().as_deref(),
        Some(field)
    );

    let mut request = full();
    request.script.as_mut().unwrap().file_name = "..data".parse().unwrap();
    assert_eq!(refusal(&request).explanation.reason, Reason::InvalidRequest);
}

#[test]
fn a_pod_template_that_removes_what_the_engine_needs_is_refused() {
    let in_script = |change: Value| {
        let mut container = json!({"name": "script"});
        container
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        json!({"spec": {"containers": [{"name": "x"}, container]}})
    };
    for (template, field) in [
        (json!({"$patch": "delete"}), ""),
        (json!({"spec": null}), ".spec"),
        (
            json!({"spec": {"$patch": "replace"}}),
            ".spec.restartPolicy",
        ),
        (
            json!({"spec": {"restartPolicy": "OnFailure"}}),
            ".spec.restartPolicy",
        ),
        (
            json!({"spec": {"containers": [{"name": "script", "$patch": "delete"}]}}),
            ".spec.containers",
        ),
        (
            json!({"spec": {"containers": [{"$patch": "replace"}]}}),
            ".spec.containers",
        ),
        (json!({"spec": {"containers": null}}), ".spec.containers"),
        (
            json!({"metadata": {"labels": {"app": "mine"}}}),
            ".metadata.labels.app",
        ),
        (
            json!({"metadata": {"labels": null}}),
            ".metadata.labels.app",
        ),
        (
            json!({"spec": {"volumes": [{"name": "noetl-script", "emptyDir": {}}]}}),
            ".spec.volumes",
        ),
        (
            json!({"spec": {"volumes": [{"$patch": "replace"}]}}),
            ".spec.volumes",
        ),
        (
            json!({"spec": {"initContainers": [{"name": "noetl-join"}]}}),
            ".spec.initContainers",
        ),
        (
            in_script(json!({"command": ["x"]})),
            ".spec.containers[1].command",
        ),
        (
            in_script(json!({"env": [{"name": "NOETL_SCRIPT", "value": "/x"}]})),
            ".spec.containers[1].env",
        ),
        (
            in_script(json!({"env": [{"name": "NOETL_ARGS", "$patch": "delete"}]})),
            ".spec.containers[1].env",
        ),
        (
            in_script(json!({"volumeMounts": [{"name": "x", "mountPath": "/noetl"}]})),
            ".spec.containers[1].volumeMounts",
        ),
        (
            in_script(json!({"volumeMounts": [{"$patch": "replace"}]})),
            ".spec.containers[1].volumeMounts",
        ),
    ] {
        let error = refusal(&with(json!({"podTemplate": template.clone()})));
        assert_eq!(error.explanation.reason, Reason::InvalidRequest);
        let expected = format!("podTemplate{field}");
        assert_eq!(
            error.explanation.field_text(),
            Some(expected),
            "{template}: {error}"
        );
    }
}

#[test]
fn a_pod_template_that_goes_beyond_the_pod_is_refused() {
    let in_script = |mut change: Value| {
        change["name"] = json!("script");
        json!({"spec": {"containers": [{"name": "x"}, change]}})
    };
    for (template, field) in [
        (
            json!({"metadata": {"finalizers": ["noetl.io/logs"]}}),
            ".metadata.finalizers",
        ),
        (
            json!({"metadata": {"ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"}
            ]}}),
            ".metadata.ownerReferences",
        ),
        (
            json!({"metadata": {"namespace": "kube-system"}}),
            ".metadata.namespace",
        ),
        (
            in_script(json!({"volumeMounts": [{"name": "x", "mountPath": "/x/../noetl/script"}]})),
            ".spec.containers[1].volumeMounts",
        ),
        (
            in_script(json!({"terminationMessagePath": "/noetl/script/processor.py"})),
            ".spec.containers[1].terminationMessagePath",
        ),
        (
            in_script(
                json!({"volumeDevices": [{"name": "x", "devicePath": "/x/../noetl/script"}]}),
            ),
            ".spec.containers[1].volumeDevices",
        ),
    ] {
        let error = refusal(&with(json!({"podTemplate": template.clone()})));
        assert_eq!(error.explanation.reason, Reason::InvalidRequest);
        let expected = format!("podTemplate{field}");
        assert_eq!(
            error.explanation.field_text(),
            Some(expected),
            "{template}: {error}"
        );
    }
}

#[test]
fn nothing_is_mounted_over_the_script_however_its_path_is_written() {
    for path in [
        "/noetl",
        "/noetl/",
        "//noetl//script/",
        "/./noetl/script/processor.py",
        "/x/../noetl/script",
        "/noetl/../noetl/script",
        "/../noetl",
        "/x/y/../../noetl/.",
        "noetl/script",
        "../noetl",
        "/",
        "",
        "/x/..",
    ] {
        let mount = json!([{"name": "a", "mountPath": path}]);
        let error = refusal(&with(json!({"volumeMounts": mount})));
        let field = "volumeMounts[0].mountPath";
        assert_eq!(
            error.explanation.field_text().as_deref(),
            Some(field),
            "{path}"
        );
        let template = json!({"spec": {"containers": [{"name": "script", "volumeMounts": mount}]}});
        let error = refusal(&with(json!({"podTemplate": template})));
        let field = "podTemplate.spec.containers[0].volumeMounts";
        assert_eq!(
            error.explanation.field_text().as_deref(),
            Some(field),
            "{path}"
        );
    }
    for path in [
        "/noetl2",
        "/x/noetl",
        "/noetl/../x",
        "/data",
        "/.noetl",
        "/..noetl",
    ] {
        manifest(&with(
            json!({"volumeMounts": [{"name": "a", "mountPath": path}]}),
        ));
    }
}

#[test]
fn mounts_are_read_only() {
    let is_read_only = |mount: &VolumeMount| mount.read_only == Some(true);
    let mounts = script(&manifest(&with_script(900_001)))
        .volume_mounts
        .unwrap();
    assert!(mounts.iter().all(is_read_only));
}
