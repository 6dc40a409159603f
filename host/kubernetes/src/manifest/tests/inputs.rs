//! Which inputs are in the Job, and which are not.

use k8s_openapi::api::core::v1::{ObjectFieldSelector, PodTemplateSpec};

use super::*;
use crate::names::{ARGUMENTS_ANNOTATION, INPUTS_ANNOTATION, SCRIPT_ANNOTATION};

/// What a kubelet, a shell and JSON treat in a special way.
const SPECIAL: &str = "'\"\\ \n\r\n\t $(HOME) $$ $$(X) $ü€😀\u{2028}\u{1}";

/// Declares that everything but these variables is public.
fn public_except(mut request: JobRequest, secret: &[&str]) -> JobRequest {
    let names = request.environment.iter().map(|(name, _)| name.clone());
    request.public.variables = names
        .filter(|name| !secret.contains(&name.as_str()))
        .collect();
    request.public.script = true;
    request
}

fn public(request: JobRequest) -> JobRequest {
    public_except(request, &[])
}

fn template(manifest: &Manifest) -> PodTemplateSpec {
    manifest.job(false).spec.unwrap().template
}

fn annotations(manifest: &Manifest) -> BTreeMap<String, String> {
    let metadata = template(manifest).metadata.unwrap();
    metadata.annotations.unwrap_or_default()
}

fn field_of(annotation: &str) -> ObjectFieldSelector {
    ObjectFieldSelector {
        api_version: None,
        field_path: format!("metadata.annotations['{annotation}']"),
    }
}

#[test]
fn a_job_without_secrets_is_one_object() {
    let mut request = public(with_variable("SPECIAL", SPECIAL.to_owned()));
    request.script.as_mut().unwrap().content = Bytes::from(SPECIAL);
    let manifest = manifest(&request);
    assert!(manifest.is_in_job() && !manifest.has_secret());
    assert!(manifest.secret(UID).is_none());
    assert!(manifest.config_maps(UID).is_empty() && manifest.object_names().is_empty());
    let job = manifest.job(false);
    assert_eq!(job.metadata.annotations.unwrap()[INPUTS_ANNOTATION], "job");

    let arguments = r#"{"mode":"batch","chunk_size":1000}"#;
    let expected = texts(&[
        (ARGUMENTS_ANNOTATION, arguments),
        (SCRIPT_ANNOTATION, SPECIAL),
    ]);
    assert_eq!(annotations(&manifest), expected);
    let from = variable(&manifest, "NOETL_ARGS").value_from.unwrap();
    assert_eq!(from.field_ref, Some(field_of(ARGUMENTS_ANNOTATION)));
    let literal = variable(&manifest, "SPECIAL").value.unwrap();
    assert_eq!(literal, SPECIAL.replace('$', "$$"));

    let volumes = pod(&manifest).volumes.unwrap();
    let [volume] = volumes.as_slice() else {
        panic!("{volumes:?}")
    };
    let items = volume.downward_api.as_ref().unwrap().items.as_ref();
    let seen: Vec<_> = items
        .unwrap()
        .iter()
        .map(|item| (item.path.as_str(), item.mode, item.field_ref.clone()))
        .collect();
    let script = (
        "script/processor.py",
        Some(0o555),
        Some(field_of(SCRIPT_ANNOTATION)),
    );
    let file = (
        "arguments/arguments.json",
        Some(0o444),
        Some(field_of(ARGUMENTS_ANNOTATION)),
    );
    assert_eq!(seen, [script, file]);
}

#[test]
fn a_job_without_inputs_is_one_object_for_every_caller() {
    let request = JobRequest::new("job".parse().unwrap(), vec!["sh".to_owned()]);
    let settings = ManifestSettings {
        default_image: Some("busybox:1".to_owned()),
        ..settings()
    };
    let manifest = Manifest::new(&request, &settings).unwrap();
    assert!(manifest.is_in_job());
    assert_eq!(annotations(&manifest)[ARGUMENTS_ANNOTATION], "{}");
}

#[test]
fn sealed_values_alone_are_in_the_secret() {
    let manifest = manifest(&public_except(full(), &["DATABASE_URL", "GCP_TOKEN"]));
    let data = data(&manifest);
    let keys: Vec<_> = data.keys().map(String::as_str).collect();
    assert_eq!(keys, ["DATABASE_URL", "GCP_TOKEN"]);
    assert!(!manifest.is_in_job());
    let own = manifest.job(true).metadata.annotations.unwrap();
    assert!(!own.contains_key(INPUTS_ANNOTATION));
    assert_eq!(
        annotations(&manifest)[SCRIPT_ANNOTATION],
        "print('hello')\n"
    );
    assert_eq!(variable(&manifest, "LOG_LEVEL").value.unwrap(), "INFO");
    assert_eq!(
        manifest.explanation(),
        "not in the Job: the variable `DATABASE_URL` (secret), the variable `GCP_TOKEN` (secret)"
    );
}

#[test]
fn a_script_and_secret_arguments_share_one_volume() {
    let mut hidden = public(full());
    hidden.public.script = false;
    for (request, secret_path, path) in [
        (
            public_except(full(), &["NOETL_ARGS"]),
            "arguments/arguments.json",
            "script/processor.py",
        ),
        (hidden, "script/processor.py", "arguments/arguments.json"),
    ] {
        let manifest = manifest(&request);
        assert_eq!(data(&manifest).len(), 1, "{path}");
        let volumes = pod(&manifest).volumes.unwrap();
        assert_eq!(volumes.len(), 1);
        let sources = volumes[0].projected.clone().unwrap().sources.unwrap();
        let secret = sources[0].secret.as_ref().unwrap();
        assert_eq!(secret.name, secret_name(manifest.name()));
        assert_eq!(secret.items.as_ref().unwrap()[0].path, secret_path);
        let annotated = sources[1].downward_api.as_ref().unwrap();
        assert_eq!(annotated.items.as_ref().unwrap()[0].path, path);
        assert_eq!(annotations(&manifest).len(), 1);
    }
}

#[test]
fn nothing_that_was_not_declared_public_is_in_the_job() {
    let mut request = full();
    request.script.as_mut().unwrap().content = Bytes::from_static(b"the script");
    let job = serde_json::to_string(&manifest(&request).job(true)).unwrap();
    for input in ["the script", "INFO", "chunk_size", "hunter2"] {
        assert!(!job.contains(input), "{job}");
    }
}

#[test]
fn a_script_that_does_not_fit_is_stored_as_a_secret_one() {
    let binary = Bytes::from_static(b"\xff");
    let spaces = |bytes| Bytes::from(vec![b' '; bytes]);
    for (content, placement, why) in [
        (spaces(240_000), Placement::Annotation, ""),
        (
            spaces(240 << 10),
            Placement::Secret,
            "the script (too large)",
        ),
        // Each of these takes six bytes as JSON.
        (
            Bytes::from(vec![1; 50_000]),
            Placement::Secret,
            "the script (too large)",
        ),
        (
            spaces(900_001),
            Placement::Parts(2),
            "the script (too large)",
        ),
        (binary, Placement::Secret, "the script (not UTF-8)"),
    ] {
        let mut request = public(full());
        request.script.as_mut().unwrap().content = content;
        let manifest = manifest(&request);
        assert_eq!(manifest.placement, placement);
        assert!(
            manifest.explanation().ends_with(why),
            "{}",
            manifest.explanation()
        );
        // The arguments are in the Job in any case.
        assert!(annotations(&manifest).contains_key(ARGUMENTS_ANNOTATION));
        assert_eq!(manifest.has_secret(), placement == Placement::Secret);
        assert_eq!(manifest.is_in_job(), placement == Placement::Annotation);
    }
}

#[test]
fn all_annotations_of_the_pods_together_fit_and_leave_space_for_others() {
    let mut request = public(full());
    request.script.as_mut().unwrap().content = Bytes::from(vec![b'x'; 150_000]);
    let note = "x".repeat(50_000);
    request.annotations.insert("note".to_owned(), note.clone());
    let template = json!({"metadata": {"annotations": {"other": note}}});
    for (template, has_script) in [(Value::Null, true), (template, false)] {
        request.options.insert("podTemplate".to_owned(), template);
        let annotations = annotations(&manifest(&request));
        assert_eq!(annotations.contains_key(SCRIPT_ANNOTATION), has_script);
        let sizes = annotations
            .iter()
            .map(|(name, value)| name.len() + value.len());
        assert!(sizes.sum::<usize>() <= 240 << 10);
    }
}

#[test]
fn large_arguments_are_in_their_annotation_and_the_file() {
    let large = "x".repeat(MAX_ARGUMENT_BYTES + 1);
    let manifest = manifest(&public(with_variable("NOETL_ARGS", large.clone())));
    assert!(manifest.is_in_job());
    assert_eq!(annotations(&manifest)[ARGUMENTS_ANNOTATION], large);
    let value = variable(&manifest, "NOETL_ARGS").value.unwrap();
    assert_eq!(value, "@/noetl/arguments/arguments.json");
}

#[test]
fn the_hash_covers_where_inputs_are_and_not_their_values() {
    let hash = |request: &JobRequest| manifest(request).spec_hash().to_owned();
    let first = hash(&public(full()));
    let mut renewed = public(full());
    renewed.environment[2].1 = "DEBUG".into();
    renewed.environment[3].1 = r#"{"now":"12:00"}"#.into();
    assert_eq!(first, hash(&renewed));
    assert_ne!(first, hash(&full()));
    assert_ne!(first, hash(&public_except(full(), &["LOG_LEVEL"])));
    let mut other = public(full());
    other.script.as_mut().unwrap().content = Bytes::from_static(b"print('other')\n");
    assert_ne!(first, hash(&other));
}

#[test]
fn annotations_of_the_engine_are_reserved() {
    for name in [SCRIPT_ANNOTATION, ARGUMENTS_ANNOTATION, INPUTS_ANNOTATION] {
        let template = json!({"podTemplate": {"metadata": {"annotations": {name: "x"}}}});
        let mut request = full();
        request.annotations.insert(name.to_owned(), "x".to_owned());
        for (request, place) in [
            (request, "annotations"),
            (with(template), "podTemplate.metadata.annotations"),
        ] {
            let error = refusal(&request);
            assert_eq!(error.explanation.reason, Reason::InvalidRequest);
            let field = error.explanation.field_text().unwrap();
            assert!(field.starts_with(place) && field.contains(name), "{field}");
        }
    }
}

#[test]
fn a_job_without_secrets_passes_the_default_policy() {
    let settings = ManifestSettings::default();
    let request = public_except(full(), &["GCP_TOKEN", "NOETL_ARGS"]);
    for request in [public(full()), request] {
        Manifest::new(&request, &settings).unwrap();
    }
}
