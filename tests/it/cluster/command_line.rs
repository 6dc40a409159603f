//! Playbooks on a cluster, as a person runs them.

use std::time::Duration;

use serde_json::{Value, json};
use toolhost::digest::Digest;

use super::Place;
use super::audit::{AuditLog, Request};
use super::step::{Run, kubectl, run};

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_script_runs_as_a_job_that_kubectl_shows_as_the_specification_says() {
    let place = Place::new("basic").await;
    let script =
        "import json, os, sys\nprint(json.loads(sys.argv[1])['dataset'], os.environ['TOKEN'])\n";
    let tool = json!({
        "args": {"dataset": "sales_2024"},
        "job": {"image": "python:3.11-slim", "env": {"TOKEN": "plain-value"}},
    });
    let ran = run(&place, "process_data", ("a.py", script), tool).await;
    assert_eq!(ran.code, Some(0), "{}\n{:#}", ran.stderr, ran.outcome);
    let outcome = &ran.outcome;
    assert_eq!(outcome["status"], "completed");
    assert_eq!(outcome["output"], "sales_2024 plain-value\n");
    assert_eq!(outcome["job_name"], "script-process-data-42");
    assert_eq!(
        (&outcome["succeeded"], &outcome["failed"]),
        (&json!(1), &json!(0))
    );
    let pod = outcome["pod_name"].as_str().unwrap();
    assert!(pod.starts_with("script-process-data-42-"), "{pod}");

    let namespace = place.namespace.as_str();
    let jobs = kubectl(&["get", "jobs", "-n", namespace, "-l", "app=noetl-script"]);
    assert!(jobs.contains("script-process-data-42"), "{jobs}");
    let described = kubectl(&["describe", "job", "script-process-data-42", "-n", namespace]);
    assert!(described.contains("python:3.11-slim"), "{described}");
    // No value is secret, and so the Job is all that there is.
    assert!(described.contains("plain-value"), "{described}");
    let logs = kubectl(&["logs", pod, "-n", namespace]);
    assert_eq!(logs, "sales_2024 plain-value\n");
    let secrets = kubectl(&["get", "secrets", "-n", namespace, "-o", "name"]);
    assert_eq!(secrets, "");
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn images_with_nothing_but_sh_run_scripts_as_well() {
    let place = Place::new("images").await;
    let busybox = json!({"args": {"a": 1}, "job": {"image": "busybox:1"}});
    let bash = json!({"job": {"image": "debian:bookworm-slim"}});
    let psql = json!({"job": {"image": "postgres:15-alpine"}, "script": {}});
    let (busybox, bash, psql) = tokio::join!(
        run(&place, "busybox", ("a.sh", "echo \"busybox $1\""), busybox),
        run(
            &place,
            "bash",
            ("a.bash", "a=(1 2 3); echo \"bash ${#a[@]}\""),
            bash
        ),
        run(&place, "psql", ("a.sh", "psql --version"), psql),
    );
    assert_eq!(
        busybox.outcome["output"], "busybox {\"a\":1}\n",
        "{}",
        busybox.stderr
    );
    assert_eq!(bash.outcome["output"], "bash 3\n", "{}", bash.stderr);
    let version = psql.outcome["output"].as_str().unwrap();
    assert!(version.starts_with("psql (PostgreSQL)"), "{version}");
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn large_scripts_and_arguments_arrive_whole() {
    let place = Place::new("large").await;
    let filler = format!("# {}\n", "x".repeat(97));
    let script = format!(
        "{}print('end of', len(open(__file__).read()))\n",
        filler.repeat(30_000)
    );
    let arguments = "import json, os, sys\ntext = sys.argv[1]\n\
                     data = open(text[1:]).read() if text.startswith('@') else text\n\
                     assert open(os.environ['NOETL_ARGS_FILE']).read() == data\n\
                     print(len(json.loads(data)['text']))\n";
    let with = |bytes: usize| json!({"args": {"text": "y".repeat(bytes)}, "job": {}});
    let (large, small, huge, too_large) = tokio::join!(
        run(&place, "large", ("a.py", &script), json!({"job": {}})),
        run(&place, "hundred", ("a.py", arguments), with(100_000)),
        run(&place, "million", ("a.py", arguments), with(1_000_000)),
        run(&place, "beyond", ("a.py", arguments), with(1_100_000)),
    );
    let bytes = script.len();
    assert_eq!(
        large.outcome["output"],
        format!("end of {bytes}\n"),
        "{:#} {}",
        large.outcome,
        large.stderr
    );
    assert_eq!(
        small.outcome["output"], "100000\n",
        "{:#} {}",
        small.outcome, small.stderr
    );
    assert_eq!(
        huge.outcome["output"], "1000000\n",
        "{:#} {}",
        huge.outcome, huge.stderr
    );
    assert!(
        huge.outcome["warnings"]
            .to_string()
            .contains("NOETL_ARGS_FILE"),
        "{:#}",
        huge.outcome
    );
    // That is known before anything runs.
    let stderr = &too_large.stderr;
    assert_eq!(too_large.code, Some(2), "{stderr}");
    assert!(
        stderr.contains("together more than the 1048576"),
        "{stderr}"
    );
    place.delete().await;
}

/// What a kubelet, a shell and JSON treat in a special way.
const SPECIAL: &str =
    "'\"\\ $(HOME) $$ $$(HOME) $(NOETL_ARGS) `x` ü€😀 \u{2028}\ttab\r\n\n  last line";

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn every_byte_of_a_job_without_secrets_arrives_and_no_secret_is_needed() {
    let place = Place::new("exact").await;
    // Digests rather than the bytes: a log is not what is tested here.
    let program = "import hashlib, json, os, sys\n\
        def show(data):\n    print(hashlib.sha256(data).hexdigest(), flush=True)\n\
        show(open(sys.argv[0], 'rb').read())\n\
        show(sys.argv[1].encode())\n\
        show(open(os.environ['NOETL_ARGS_FILE'], 'rb').read())\n\
        show(os.environ['WORD'].encode())\n\
        show(json.loads(sys.argv[1])['text'].encode())\n\
        sys.exit(0)\n";
    let line = format!("# {}\n", SPECIAL.replace(['\r', '\n', '\u{2028}'], " "));
    let script = format!("{program}{}", line.repeat(200_000 / line.len()));
    let tool = json!({
        "args": {"text": SPECIAL},
        "job": {"image": "python:3.11-slim", "env": {"WORD": SPECIAL}},
    });
    // The templates of a playbook would take `{{`, which is not in it.
    let ran = run(&place, "exact", ("a.py", &script), tool).await;
    assert_eq!(ran.code, Some(0), "{}\n{:#}", ran.stderr, ran.outcome);
    let output = ran.outcome["output"].as_str().unwrap();
    let lines: Vec<_> = output.lines().collect();
    let digest = |text: &str| Digest::of(text.as_bytes()).digits();
    assert_eq!(lines[0], digest(&script));
    assert_eq!(lines[1], lines[2], "the argument is not its file");
    assert_eq!(lines[3..], [digest(SPECIAL), digest(SPECIAL)]);
    let namespace = place.namespace.as_str();
    let job = kubectl(&["get", "jobs", "-n", namespace, "-o", "json"]);
    let jobs: Value = serde_json::from_str(&job).unwrap();
    let job = &jobs["items"][0];
    assert_eq!(job["metadata"]["annotations"]["noetl.io/inputs"], "job");
    let annotations = &job["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["noetl.io/script"], script.as_str());
    if let Some(log) = AuditLog::of_environment("every_byte_of_a_job_without_secrets") {
        let is_log = |request: &Request| request.what() == "get pods/log";
        let requests = log.requests(namespace, is_log).await;
        let of_secrets = requests
            .iter()
            .filter(|request| request.what().ends_with(" secrets"));
        let of_secrets: Vec<_> = of_secrets.map(|request| &request.text).collect();
        // Neither this program nor the kubelet asks for one.
        assert!(of_secrets.is_empty(), "{of_secrets:#?}");
    }
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn no_line_of_a_flood_is_lost_or_comes_twice() {
    let place = Place::new("flood").await;
    // 5 MB in two seconds, through a rotation or two. Not immediately: lines that are rotated away before their log is
    // followed cannot be read, and a pod is reported as running up to a second after it does; and containerd loses the end
    // of a flood that is immediately followed by the container's end.
    let script = "import time\ntime.sleep(2)\nfor i in range(50000):\n    print(f'{i:06d}', 'x' * 92)\n    \
                  if i % 1000 == 0:\n        time.sleep(0.03)\ntime.sleep(0.5)\n";
    let run = Run::new(&place, "flood", ("a.py", script), json!({"job": {}}));
    let ran = run.finish_and_see("", async {}).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let written: Vec<_> = ran
        .stderr
        .lines()
        .filter_map(|line| Some(line.split_once("  | ")?.1))
        .collect();
    assert_eq!(written.len(), 50_000);
    let is_whole = |index: &usize| {
        let line = written.get(*index).and_then(|line| line.get(..6));
        line == Some(format!("{index:06}").as_str())
    };
    let torn: Vec<usize> = (0..50_000).filter(|index| !is_whole(index)).collect();
    // The kubelet switches to the new file as soon as it exists. Where the runtime still wrote the beginning of a line
    // to the old one, which took a machine with more load than cores, no client receives that.
    let is_rest = |index: &usize| written[*index].bytes().all(|byte| byte == b'x');
    assert!(
        torn.len() <= 2 && torn.iter().all(is_rest),
        "lines {torn:?} are others: {:#?}",
        torn.iter().map(|index| written[*index]).collect::<Vec<_>>()
    );
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn every_failure_is_explained_and_the_hopeless_ones_within_seconds() {
    let place = Place::new("failures").await;
    let sh = |job: Value| {
        let mut tool = json!({"job": {"image": "busybox:1", "backoffLimit": 0}});
        for (key, value) in job.as_object().unwrap() {
            tool["job"][key] = value.clone();
        }
        tool
    };
    let memory = json!({"resources": {"limits": {"memory": "32Mi"}}});
    let gpu = json!({"resources": {"limits": {"nvidia.com/gpu": 1}}, "activeDeadlineSeconds": 8});
    let missing = json!({"volumes": [{"name": "a", "secret": {"secretName": "nowhere"}}],
        "volumeMounts": [{"name": "a", "mountPath": "/a"}], "activeDeadlineSeconds": 60});
    let (exit, oom, image, name, deadline, account, unschedulable, interpreter, volume) = tokio::join!(
        run(
            &place,
            "exit",
            ("a.sh", "echo no >&2; exit 3"),
            sh(json!({}))
        ),
        run(
            &place,
            "oom",
            (
                "a.sh",
                "head -c 300000000 /dev/zero | tail -c 300000000 > /dev/null || exit $?"
            ),
            sh(memory)
        ),
        run(
            &place,
            "image",
            ("a.sh", "true"),
            sh(json!({"image": "nowhere.invalid/nothing:1"}))
        ),
        run(
            &place,
            "name",
            ("a.sh", "true"),
            sh(json!({"image": "UPPER/CASE:1"}))
        ),
        run(
            &place,
            "deadline",
            ("a.sh", "sleep 600"),
            sh(json!({"activeDeadlineSeconds": 4}))
        ),
        run(
            &place,
            "account",
            ("a.sh", "true"),
            sh(json!({"serviceAccountName": "missing"}))
        ),
        run(&place, "gpu", ("a.sh", "true"), sh(gpu)),
        run(&place, "interpreter", ("a.py", "print(1)"), sh(json!({}))),
        run(&place, "volume", ("a.sh", "true"), sh(missing)),
    );
    for (ran, reason, word) in [
        (&exit, "ScriptError", "code 3"),
        (&oom, "OOMKilled", "32Mi"),
        (&image, "ImagePull", "nowhere.invalid/nothing:1"),
        (&name, "InvalidImage", "UPPER/CASE:1"),
        (&deadline, "DeadlineExceeded", "4"),
        (&account, "ServiceAccountMissing", "missing"),
        (&unschedulable, "Unschedulable", "activeDeadlineSeconds"),
        (&interpreter, "InterpreterMissing", "python3"),
        (&volume, "ConfigMissing", "nowhere"),
    ] {
        let shown = format!("{:#}\n{}", ran.outcome, ran.stderr);
        assert_eq!(ran.outcome["reason"], reason, "{shown}");
        let said = format!("{} {}", ran.outcome["message"], ran.outcome["hint"]);
        assert!(said.contains(word), "it does not name {word}: {shown}");
        assert_eq!(ran.code, Some(1), "{shown}");
    }
    // An account has 15 seconds to appear, counted from when its lack was seen; a busy cluster tells that late.
    for (ran, seconds) in [(&name, 30), (&account, 45), (&interpreter, 30)] {
        assert!(
            ran.took < Duration::from_secs(seconds),
            "{:?} {:#}",
            ran.took,
            ran.outcome
        );
    }
    assert_eq!(exit.outcome["output"], "no\n");
    let secrets = kubectl(&["get", "secrets", "-n", &place.namespace, "-o", "name"]);
    assert_eq!(secrets, "", "secrets were left");
    place.delete().await;
}

#[tokio::test]
#[ignore = "needs a cluster: TOOLHOST_TEST_KUBECONFIG"]
async fn a_place_that_is_not_there_is_named_before_anything_runs() {
    let mut place = Place::new("nowhere").await;
    let namespace = std::mem::replace(&mut place.namespace, "not-there".to_owned());
    let ran = run(
        &place,
        "lost",
        ("a.sh", "true"),
        json!({"job": {"image": "busybox:1"}}),
    )
    .await;
    assert_eq!(
        ran.outcome["reason"], "NamespaceMissing",
        "{:#} {}",
        ran.outcome, ran.stderr
    );
    assert!(
        ran.outcome["message"]
            .as_str()
            .unwrap()
            .contains("not-there"),
        "{:#}",
        ran.outcome
    );
    place.namespace = namespace;
    place.delete().await;
}
