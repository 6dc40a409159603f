//! A job whose program is in its image.

use super::*;

fn image(options: Value) -> JobRequest {
    let mut request = with(options);
    request.script = None;
    request.command.clear();
    request
        .options
        .insert("imageRequired".to_owned(), json!(true));
    request
}

fn field(request: &JobRequest) -> String {
    let error = refusal(request);
    error.explanation.field_text().unwrap_or_default()
}

#[test]
fn without_a_command_the_image_decides() {
    let container = script(&manifest(&image(json!({}))));
    assert_eq!((container.command, container.args), (None, None));
    assert_eq!(container.working_dir, None);
    let options = json!({"args": ["a", 1], "workingDir": "/work"});
    let container = script(&manifest(&image(options)));
    assert_eq!(container.command, None);
    assert_eq!(container.args, Some(vec!["a".to_owned(), "1".to_owned()]));
    assert_eq!(container.working_dir.as_deref(), Some("/work"));
}

#[test]
fn a_file_is_an_entry_of_the_secret_and_not_a_variable() {
    let manifest = manifest(&image(json!({"files": {"/etc/app.yaml": "LOG_LEVEL"}})));
    let container = script(&manifest);
    let mut variables = container.env.iter().flatten();
    assert!(variables.all(|variable| variable.name != "LOG_LEVEL"));
    let mounts = container.volume_mounts.unwrap();
    let mount = mounts
        .iter()
        .find(|mount| mount.mount_path == "/etc/app.yaml");
    let mount = mount.unwrap();
    assert_eq!(mount.read_only, Some(true));
    let volumes = pod(&manifest).volumes.unwrap();
    let volume = volumes.iter().find(|volume| volume.name == mount.name);
    let items = volume
        .unwrap()
        .secret
        .as_ref()
        .unwrap()
        .items
        .as_ref()
        .unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].key, "LOG_LEVEL");
    assert_eq!(mount.sub_path.as_deref(), Some(items[0].path.as_str()));
    assert_eq!(data(&manifest)["LOG_LEVEL"].0, b"INFO");
}

#[test]
fn a_variable_of_the_cluster_is_added() {
    let from = json!({"secretKeyRef": {"name": "theirs", "key": "k"}});
    let options = json!({"env": [{"name": "A", "valueFrom": from}]});
    let variable = variable(&manifest(&image(options)), "A");
    let from = variable.value_from.unwrap().secret_key_ref.unwrap();
    assert_eq!((from.name.as_str(), from.key.as_str()), ("theirs", "k"));
}

#[test]
fn what_makes_no_sense_is_refused_by_its_path() {
    for (options, expected) in [
        (
            json!({"files": {"/noetl/a": "LOG_LEVEL"}}),
            "files./noetl/a",
        ),
        (json!({"files": {"/": "LOG_LEVEL"}}), "files./"),
        (
            json!({
                "files": {"/a": "LOG_LEVEL"},
                "volumes": [{"name": "v", "emptyDir": {}}],
                "volumeMounts": [{"name": "v", "mountPath": "/a/"}],
            }),
            "files./a",
        ),
        (json!({"workingDir": "a"}), "workingDir"),
        (json!({"args": ["a", "b\0"]}), "args[1]"),
        (json!({"env": [{"name": "LOG_LEVEL"}]}), "env[0].name"),
        (
            json!({"env": [{"name": "A", "valueOf": {}}]}),
            "env[0].valueOf",
        ),
        (
            json!({
                "args": ["a"],
                "podTemplate": {"spec": {"containers": [{"name": "script", "args": ["b"]}]}},
            }),
            "podTemplate.spec.containers[0].args",
        ),
    ] {
        assert_eq!(field(&image(options.clone())), expected, "{options}");
    }
}
