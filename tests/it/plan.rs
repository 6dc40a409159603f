//! `toolhost plan`, as a person uses it.

use std::process::Output;

use crate::program;

const CREDENTIALS: &str = "secrets:\n  token: hunter2\n";

/// A playbook with one step for each of these configurations of the script tool, each behind the one
/// before it.
fn playbook(tools: &[&str]) -> String {
    let step = |(index, tool): (usize, &&str)| {
        let next = match index + 1 {
            last if last == tools.len() => String::new(),
            next => format!("    next: [{{step: step{next}}}]\n"),
        };
        format!(
            "  - step: step{index}\n    tool:\n      kind: script\n      script: {{uri: a.py}}\n\
             \x20     {tool}\n{next}"
        )
    };
    let steps: String = tools.iter().enumerate().map(step).collect();
    format!(
        "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {{name: test}}\n\
         workload: {{city: Turin}}\nworkflow:\n{steps}"
    )
}

/// What `toolhost plan` says of such a playbook.
fn plan(tools: &[&str], options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("p.yaml", playbook(tools)),
        ("a.py", "print('the script')\n".to_owned()),
        ("c.yaml", CREDENTIALS.to_owned()),
    ];
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let fixed = [
        "plan",
        "p.yaml",
        "--credentials",
        "c.yaml",
        "--execution-id",
        "42",
    ];
    // Nothing is run, and so nothing is searched for.
    program::command(folder.path(), &fixed)
        .args(options)
        .env_remove("PATH")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn kinds(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.starts_with("kind: "));
    lines
        .map(|line| line.trim_start_matches("kind: "))
        .collect()
}

#[test]
fn prints_the_objects_of_each_step_and_no_secret() {
    let output = plan(
        &[
            "job: {env: {TOKEN: \"{{ secret.token }}\"}}",
            "args: {city: \"{{ workload.city }}\"}",
        ],
        &[],
    );
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(kinds(&text), ["Job", "Secret", "Job"]);
    assert!(text.contains("  name: script-step0-42\n"), "{text}");
    assert!(text.contains("  TOKEN: <TOKEN>\n"), "{text}");
    for secret in ["hunter2", "aHVudGVyM"] {
        assert!(!text.contains(secret), "{text}");
    }
    for line in [
        "# step `step0` (script@0.1.0): not in the Job: the variable `TOKEN` (secret)\n",
        "# step `step1` (script@0.1.0): one request creates it: ",
        "print('the script')",
        r#"noetl.io/arguments: "{\"city\":\"Turin\"}""#,
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn arguments_with_a_secret_are_a_placeholder_and_the_script_is_not() {
    let output = plan(&["args: {key: \"x {{ secret.token }}\"}"], &[]);
    let text = stdout(&output);
    assert_eq!(kinds(&text), ["Job", "Secret"], "{}", stderr(&output));
    assert!(
        text.contains("not in the Job: the arguments (secret)\n"),
        "{text}"
    );
    assert!(text.contains("NOETL_ARGS: <NOETL_ARGS>"), "{text}");
    assert!(text.contains("print('the script')"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn the_same_playbook_has_the_same_plan() {
    let once = || stdout(&plan(&["job: {nodeSelector: {b: x, a: y}}"], &[]));
    assert_eq!(once(), once());
}

#[test]
fn a_step_that_needs_a_result_is_named_and_is_not_an_error() {
    let output = plan(
        &["args: {}", "args: {x: \"{{ step0.output }}\"}", "args: {}"],
        &[],
    );
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(kinds(&text).len(), 2);
    let line = "# step `step1`: not planned: it needs the result of `step0`, which did not run\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn what_is_wrong_is_shown_at_its_place_and_the_rest_is_planned() {
    let wrong = "job: {podTemplate: {spec: {containers: [{name: script, imagee: x}]}}}";
    let output = plan(&[wrong, "args: {}"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(kinds(&stdout(&output)), ["Job"]);
    let said = stderr(&output);
    assert!(
        said.contains("podTemplate.spec.containers[0].imagee"),
        "{said}"
    );
    assert!(said.contains("did you mean `image`?"), "{said}");
    assert!(said.contains("p.yaml:10:"), "{said}");
}

#[test]
fn a_script_that_is_not_there_is_planned_offline_alone() {
    let missing = "job: {}\n      args: {}";
    let text = playbook(&[missing]).replace("a.py", "missing.py");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.yaml"), text).unwrap();
    let run = |options: &[&str]| {
        program::command(folder.path(), &["plan", "p.yaml"])
            .args(options)
            .env_remove("PATH")
            .output()
            .unwrap()
    };
    let fetched = run(&[]);
    assert_eq!(fetched.status.code(), Some(1), "{}", stderr(&fetched));
    assert!(stderr(&fetched).contains("missing.py"));
    let offline = run(&["--offline"]);
    assert_eq!(offline.status.code(), Some(0), "{}", stderr(&offline));
    assert_eq!(kinds(&stdout(&offline)), ["Job"]);
}

#[test]
fn a_cluster_that_is_not_there_is_said_so() {
    let output = plan(&["args: {}"], &["--server", "--kubeconfig", "nowhere"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("--kubeconfig"),
        "{}",
        stderr(&output)
    );
}

const RESTRICTED: &str = "kubernetes:\n  images: [\"python:3.*\"]\n";

/// What `toolhost plan --policy` says of a step with this job.
fn plan_under(policy: &str, tool: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    std::fs::write(&path, policy).unwrap();
    plan(&[tool], &["--policy", path.to_str().unwrap()])
}

#[test]
fn a_plan_says_what_the_policy_does_not_allow() {
    for (tool, field, line) in [
        (
            "job: {image: \"evil.example.com/x\"}",
            "`image` is not allowed by the policy of this host",
            "images: [\"evil.example.com/x\"]",
        ),
        (
            "job: {podTemplate: {spec: {volumes: [{name: a, hostPath: {path: /}}]}}}",
            "`podTemplate.spec.volumes[0].hostPath.path` is not allowed",
            "host-paths: [\"/\"]",
        ),
    ] {
        let output = plan_under(RESTRICTED, tool);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(field) && said.contains(line), "{said}");
        assert!(said.contains("p.yaml:10:"), "{said}");
        assert!(kinds(&stdout(&output)).is_empty());
        // The user at the keyboard is only bound by the cluster.
        assert_eq!(plan(&[tool], &[]).status.code(), Some(0));
    }
    let output = plan_under(RESTRICTED, "job: {image: \"python:3.11\"}");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_policy_with_a_mistake_allows_nothing() {
    let output = plan_under("kubernetes:\n  image: [\"python\"]\n", "job: {}");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("policy.yaml:2:3") && said.contains("did you mean `images`?"),
        "{said}"
    );
    let output = plan(&["job: {}"], &["--policy", "nowhere.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot read the policy in `nowhere.yaml`"));
}
