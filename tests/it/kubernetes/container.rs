//! The container tool on a cluster, next to the other tools.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::process::{self, RUN};
use super::{Cluster, NAMESPACE};

/// What a file has to keep: quotes, a reference as the kubelet expands it, no line end.
const CONTENT: &str = "a: 'b' \"c\"\n\t$(HOME) $$ \\n ü ✓ `x`";
const PASSWORD: &str = "correct-horse-battery-staple";

/// A playbook with these steps, as their names and tools.
fn write_playbook(cluster: &Cluster, steps: &[(&str, Value)]) {
    let steps: Vec<_> = steps
        .iter()
        .map(|(step, tool)| json!({"step": step, "tool": tool}))
        .collect();
    let playbook = json!({
        "apiVersion": "noetl.io/v2", "kind": "Playbook", "metadata": {"name": "test"},
        "workflow": steps,
    });
    let path = cluster.folder.path().join("p.yaml");
    std::fs::write(path, playbook.to_string()).unwrap();
}

/// A container that runs a script of the shell.
fn container(script: &str, others: Value) -> Value {
    let mut tool = json!({
        "kind": "container", "image": "busybox:1", "namespace": NAMESPACE,
        "command": ["sh", "-c", script],
    });
    let Value::Object(others) = others else {
        panic!("not an object");
    };
    tool.as_object_mut().unwrap().extend(others);
    tool
}

async fn run(cluster: &Cluster, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let arguments = [&RUN[..], arguments].concat();
    let ran = process::run(cluster.folder.path(), &cluster.kubeconfig(), &arguments).await;
    let report = serde_json::from_slice(&ran.stdout).unwrap_or(Value::Null);
    (ran.status.code(), report, process::stderr(&ran))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_runs_next_to_a_script_and_python() {
    let cluster = Cluster::new().await;
    let job = json!({"image": "python:3.11-slim", "namespace": NAMESPACE});
    let read = "read line < /etc/app/in.txt; printf '%s' \"$line $GREETING $1 $2 $NOETL_ARGS\"";
    let others = json!({
        "args": ["sh", "{{ first.output }}", "$(GREETING)"],
        "env": {"GREETING": "hello"}, "input": {"n": 1},
        "files": {"/etc/app/in.txt": "a line\nanother"},
    });
    write_playbook(
        &cluster,
        &[
            (
                "first",
                json!({"kind": "script", "script": {"content": "printf one", "interpreter": "sh"}, "job": job}),
            ),
            ("second", container(read, others)),
            (
                "third",
                json!({
                    "kind": "python", "code": "def main(text): return text.split()",
                    "args": {"text": "{{ second.output }}"}, "job": job,
                }),
            ),
        ],
    );
    let (code, report, said) = run(&cluster, &[]).await;
    assert_eq!(code, Some(0), "{said}\n{report:#}");
    let outcome = &report["steps"][1]["outcome"];
    assert_eq!(outcome["output"], "a line hello one hello {\"n\":1}");
    for (name, value) in [
        ("status", json!("completed")),
        ("job_name", json!("container-second-42")),
        ("namespace", json!(NAMESPACE)),
        ("succeeded", json!(1)),
        ("exit_code", json!(0)),
    ] {
        assert_eq!(outcome[name], value, "{name}: {outcome:#}");
    }
    assert_eq!(outcome.get("script"), None);
    let result = &report["steps"][2]["outcome"]["result"];
    assert_eq!(
        *result,
        json!(["a", "line", "hello", "one", "hello", "{\"n\":1}"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_arrive_byte_for_byte_and_their_secrets_are_in_the_one_secret() {
    let cluster = Cluster::new().await;
    let files = json!({
        "/etc/app.yaml": CONTENT,
        "conf.d/login": "password={{ secret.password }}",
        "empty": "",
    });
    let script = "cat /etc/app.yaml; echo '|'; wc -c < /work/empty; \
                  [ \"$(cat /work/conf.d/login)\" = password=correct\"-\"horse-battery-staple ] && echo known; \
                  env | grep -c NOETL_FILE_";
    let directory = cluster.folder.path().join("inside");
    std::fs::create_dir(&directory).unwrap();
    let mut tool = container(script, json!({"files": files, "workingDir": "/work"}));
    // Containers of this cluster share the machine's file system.
    tool["files"]["/work/unused"] = json!("");
    tool["podTemplate"] =
        json!({"spec": {"containers": [{"name": "script", "workingDir": directory}]}});
    write_playbook(&cluster, &[("step", tool)]);
    let credentials = format!("secrets: {{password: {PASSWORD}}}\n");
    std::fs::write(cluster.folder.path().join("c.yaml"), credentials).unwrap();
    let (_, report, said) = run(&cluster, &["--credentials", "c.yaml"]).await;
    let outcome = &report["steps"][0]["outcome"];
    // `grep` finds none.
    assert_eq!(outcome["exit_code"], 1, "{said}\n{outcome:#}");
    assert_eq!(outcome["output"], format!("{CONTENT}|\n0\nknown\n0\n"));

    let encoded = STANDARD.encode(format!("password={PASSWORD}"));
    let mut secrets = 0;
    for mut object in cluster.server.objects() {
        if object["kind"] == "Secret" {
            secrets += 1;
            assert!(object["data"].to_string().contains(&encoded), "{object:#}");
            object["data"] = Value::Null;
        }
        let text = object.to_string();
        assert!(
            !text.contains(PASSWORD) && !text.contains(&encoded),
            "{object:#}"
        );
    }
    assert!(secrets > 0);
    assert_eq!((cluster.ever("Secret"), cluster.ever("ConfigMap")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_names_the_keys_of_the_tool() {
    let cluster = Cluster::new().await;
    let failing = [
        (container("exit 3", json!({})), Some("ScriptError"), None),
        (
            json!({"kind": "container", "image": "busybox:1", "namespace": NAMESPACE, "command": ["no-such-program"]}),
            Some("InterpreterMissing"),
            Some("image"),
        ),
        (
            container("true", json!({"files": {"/noetl/a": "x"}})),
            Some("InvalidRequest"),
            Some("files./noetl/a"),
        ),
        (
            container("true", json!({"workingDir": "work"})),
            Some("InvalidRequest"),
            Some("workingDir"),
        ),
        (
            container("true", json!({"tolerations": [{"operator": ["Exists"]}]})),
            Some("InvalidRequest"),
            Some("tolerations[0].operator"),
        ),
        (
            container("true", json!({"args": ["{{ secret.password }}"]})),
            Some("SecretInSpec"),
            None,
        ),
        (
            container(
                "true",
                json!({"args": ["$(TOKEN)"], "env": {"TOKEN": "{{ secret.password }}"}}),
            ),
            Some("SecretInSpec"),
            Some("args"),
        ),
    ];
    let credentials = format!("secrets: {{password: {PASSWORD}}}\n");
    std::fs::write(cluster.folder.path().join("c.yaml"), credentials).unwrap();
    for (index, (tool, reason, field)) in failing.into_iter().enumerate() {
        // Each is a job of its own name.
        let step = format!("step{index}");
        write_playbook(&cluster, &[(&step, tool.clone())]);
        let (code, report, said) = run(&cluster, &["--credentials", "c.yaml"]).await;
        assert_ne!(code, Some(0), "{tool}");
        let outcome = &report["steps"][0]["outcome"];
        if outcome.is_object() {
            assert_eq!(outcome["reason"].as_str(), reason, "{tool}\n{outcome:#}");
            assert_eq!(outcome["field"].as_str(), field, "{tool}\n{outcome:#}");
        } else {
            // It was found before anything was started, and is shown in the playbook.
            assert_eq!(code, Some(2), "{tool}\n{said}");
            assert!(
                field.is_some() && said.contains("[p.yaml:1:"),
                "{tool}\n{said}"
            );
        }
        assert!(
            !said.contains(PASSWORD) && !report.to_string().contains(PASSWORD),
            "{tool}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_holds_for_the_keys_of_a_container() {
    let cluster = Cluster::new().await;
    let policy = format!("kubernetes: {{namespaces: [{NAMESPACE}], images: [busybox]}}\n");
    std::fs::write(cluster.folder.path().join("policy.yaml"), policy).unwrap();
    let secret = json!([{"name": "A", "value_from": {"secret_name": "theirs", "secret_key": "k"}}]);
    let volumes = json!([{"name": "a", "hostPath": {"path": "/"}}]);
    for (others, field) in [
        (json!({"image": "evil:1"}), "image"),
        (json!({"env": secret}), "env[0].valueFrom.secretKeyRef.name"),
        (json!({"volumes": volumes}), "volumes[0].hostPath.path"),
    ] {
        write_playbook(&cluster, &[("step", container("true", others.clone()))]);
        let (code, _, said) = run(&cluster, &["--policy", "policy.yaml"]).await;
        assert_eq!(code, Some(3), "{others}\n{said}");
        let denied = format!("`{field}` is not allowed by the policy of this host");
        assert!(said.contains(&denied), "{others}\n{said}");
        assert_eq!(cluster.ever("Job"), 0);
    }
    let allowed = container("cat /a", json!({"files": {"/a": "x"}, "args": ["a"]}));
    write_playbook(&cluster, &[("step", allowed)]);
    let (code, _, said) = run(&cluster, &["--policy", "policy.yaml"]).await;
    assert_eq!(code, Some(0), "{said}");
}
