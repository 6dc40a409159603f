//! `toolhost job`, on a cluster.

use std::time::{Duration, Instant};

use fake_kubernetes::{Fault, Match, When};
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, PostParams};
use kube::{Client, Config};
use serde_json::Value;

use super::kills::run_and_kill;
use super::process::{self, JOB, RUN};
use super::{Cluster, NAMESPACE};

/// How long a command may take to say that the server is gone.
const MAX_SILENCE: Duration = Duration::from_secs(30);

struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

async fn job(cluster: &Cluster, arguments: &[&str]) -> Said {
    let arguments = [&["job"], arguments].concat();
    let output = process::run(cluster.folder.path(), &cluster.kubeconfig(), &arguments).await;
    Said {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: process::stderr(&output),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_a_job_is_not_said_to_select_nothing() {
    let cluster = Cluster::new().await;
    let folder = cluster.folder.path();
    process::write_playbook(folder, NAMESPACE, "true");
    let ran = process::run(folder, &cluster.kubeconfig(), &RUN).await;
    let told = process::stderr(&ran);
    assert_eq!(ran.status.code(), Some(0), "{told}");
    assert!(!told.contains("local engine"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_listed_read_and_cancelled() {
    let cluster = Cluster::new().await;
    let folder = cluster.folder.path();
    process::write_playbook(folder, NAMESPACE, "printf 'one\\ntwo'");
    let ran = process::run(folder, &cluster.kubeconfig(), &RUN).await;
    assert_eq!(ran.status.code(), Some(0), "{}", process::stderr(&ran));
    cluster
        .until("the job is not over", |server| {
            !server.is_running(NAMESPACE, JOB)
        })
        .await;

    let listed = job(&cluster, &["list", "-n", NAMESPACE]).await;
    let words: Vec<_> = listed.stdout.split_whitespace().collect();
    assert_eq!(
        (words[0], words[1]),
        (JOB, "succeeded"),
        "{}",
        listed.stdout
    );
    assert_eq!((listed.code, listed.stdout.lines().count()), (Some(0), 1));
    let listed = job(&cluster, &["list", "-n", NAMESPACE, "--output", "json"]).await;
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed[0]["name"], JOB);
    assert_eq!(listed[0]["state"], "succeeded");
    assert_eq!(listed[0]["step"], "step");
    assert_eq!(listed[0]["execution_id"], "42");

    for arguments in [
        ["logs", JOB, "-n", NAMESPACE].as_slice(),
        &["logs", "-f", JOB, "-n", NAMESPACE],
    ] {
        let logs = job(&cluster, arguments).await;
        assert_eq!(
            (logs.code, logs.stdout.as_str()),
            (Some(0), "one\ntwo"),
            "{}",
            logs.stderr
        );
    }

    let cancelled = job(&cluster, &["cancel", JOB, "-n", NAMESPACE]).await;
    assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
    assert!(cancelled.stderr.contains(JOB), "{}", cancelled.stderr);
    cluster
        .until("something is left", |server| {
            ["jobs", "pods", "secrets"]
                .iter()
                .all(|resource| server.existing(resource).is_empty())
        })
        .await;
    for (command, said) in [("list", "no jobs of tools"), ("sweep", "nothing to remove")] {
        let said = format!("{said} in the namespace `{NAMESPACE}`\n");
        let answer = job(&cluster, &[command, "-n", NAMESPACE]).await;
        assert_eq!(
            (answer.code, answer.stdout, answer.stderr),
            (Some(0), String::new(), said)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_runs_is_followed_to_its_end_and_no_sweep_touches_it() {
    let cluster = Cluster::new().await;
    let folder = cluster.folder.path();
    let script = "echo begun; while ! [ -e go ]; do sleep 0.02; done; echo done"
        .replace("go", &folder.join("go").display().to_string());
    process::write_playbook(folder, NAMESPACE, &script);
    let run = process::command(folder, &cluster.kubeconfig(), &RUN)
        .spawn()
        .unwrap();
    cluster
        .until("no pod runs", |server| {
            let pods = server.existing("pods");
            pods.iter().any(|pod| pod["status"]["phase"] == "Running")
        })
        .await;
    let listed = job(&cluster, &["list", "-n", NAMESPACE]).await;
    assert!(listed.stdout.contains("active"), "{}", listed.stdout);
    let sweep = ["sweep", "-n", NAMESPACE, "--min-age", "0", "--finished"];
    let swept = job(&cluster, &sweep).await;
    assert_eq!(
        (swept.code, swept.stdout.as_str()),
        (Some(0), ""),
        "{}",
        swept.stderr
    );
    let arguments = ["job", "logs", "-f", JOB, "-n", NAMESPACE];
    let follow = process::command(folder, &cluster.kubeconfig(), &arguments)
        .spawn()
        .unwrap();
    let requests = cluster.server.requests();
    // That of the run and that of the command.
    let follows = |records: &[fake_kubernetes::RequestRecord]| {
        let of_logs = records
            .iter()
            .filter(|record| record.summary() == "get pods/log");
        of_logs.count() >= 2
    };
    requests.until(follows).await;
    std::fs::write(folder.join("go"), "").unwrap();
    let (followed, ran) = tokio::join!(process::finish(follow), process::finish(run));
    assert_eq!(String::from_utf8_lossy(&followed.stdout), "begun\ndone\n");
    assert_eq!(
        (followed.status.code(), ran.status.code()),
        (Some(0), Some(0))
    );
    cluster
        .until("the job is not over", |server| {
            !server.is_running(NAMESPACE, JOB)
        })
        .await;

    let swept = job(&cluster, &["sweep", "-n", NAMESPACE]).await;
    assert_eq!((swept.code, swept.stdout.as_str()), (Some(0), ""));
    let removed = format!("job/{JOB}\n");
    let dry = ["sweep", "-n", NAMESPACE, "--finished", "--dry-run"];
    assert_eq!(job(&cluster, &dry).await.stdout, removed);
    assert_eq!(cluster.server.existing("jobs").len(), 1);
    assert_eq!(job(&cluster, &dry[..4]).await.stdout, removed);
    cluster
        .until("the job is left", |server| {
            server.existing("jobs").is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_jobs_that_a_killed_host_never_resumed_once_they_are_old() {
    let cluster = Cluster::new().await;
    let (folder, kubeconfig) = (cluster.folder.path(), cluster.kubeconfig());
    process::write_playbook_with_secret(folder, NAMESPACE, "true");
    let resume = Match::new("patch", "jobs");
    let faults = cluster.server.faults();
    run_and_kill(folder, &kubeconfig, faults, resume, When::BeforeWork).await;
    let listed = job(&cluster, &["list", "-n", NAMESPACE]).await;
    assert!(listed.stdout.contains("suspended"), "{}", listed.stdout);
    let swept = job(&cluster, &["sweep", "-n", NAMESPACE, "--finished"]).await;
    assert_eq!((swept.code, swept.stdout.as_str()), (Some(0), ""));
    let removed = format!("job/{JOB}\nsecret/{JOB}-toolhost\n");
    let sweep = ["sweep", "-n", NAMESPACE, "--min-age", "0", "--dry-run"];
    assert_eq!(job(&cluster, &sweep).await.stdout, removed);
    assert_eq!(cluster.server.existing("secrets").len(), 1);
    assert_eq!(job(&cluster, &sweep[..5]).await.stdout, removed);
    cluster
        .until("something is left", |server| {
            server.existing("jobs").is_empty() && server.existing("secrets").is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_jobs_than_one_page_holds_are_listed() {
    const JOBS: usize = 1_001;
    let cluster = Cluster::new().await;
    let client = Client::try_from(Config::new(cluster.server.url().parse().unwrap())).unwrap();
    let jobs: Api<Job> = Api::namespaced(client, NAMESPACE);
    for number in 0..JOBS {
        let job = serde_json::json!({
            "metadata": {"name": format!("job-{number}"), "labels": {
                "app.kubernetes.io/managed-by": "toolhost",
            }},
            "spec": {"suspend": true, "template": {"spec": {
                "restartPolicy": "Never", "containers": [{"name": "script", "image": "busybox:1"}],
            }}},
        });
        let job = serde_json::from_value(job).unwrap();
        jobs.create(&PostParams::default(), &job).await.unwrap();
    }
    let listed = job(&cluster, &["list", "-n", NAMESPACE]).await;
    assert_eq!(
        (listed.code, listed.stdout.lines().count()),
        (Some(0), JOBS)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named() {
    let cluster = Cluster::new().await;
    for command in ["logs", "cancel"] {
        let said = job(&cluster, &[command, "missing", "-n", NAMESPACE]).await;
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        for word in ["`missing`", "`default`", "toolhost job list"] {
            assert!(said.stderr.contains(word), "{command}: {}", said.stderr);
        }
        let said = job(&cluster, &[command, "missing", "-n", "nowhere"]).await;
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(
            said.stderr.contains("`nowhere`"),
            "{command}: {}",
            said.stderr
        );
    }
    // A server has no jobs in a namespace that there is not, and says nothing else.
    for command in [["list"].as_slice(), &["sweep"]] {
        let said = job(&cluster, &[command, &["-n", "nowhere"]].concat()).await;
        assert_eq!(
            (said.code, said.stdout.as_str()),
            (Some(0), ""),
            "{}",
            said.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_others_are_neither_listed_nor_touched() {
    let cluster = Cluster::new().await;
    let job_of_others = serde_json::json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "theirs"},
        "spec": {"suspend": true, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "script", "image": "busybox:1"}],
        }}},
    });
    let client = Client::try_from(Config::new(cluster.server.url().parse().unwrap())).unwrap();
    let jobs: Api<Job> = Api::namespaced(client, NAMESPACE);
    let theirs: Job = serde_json::from_value(job_of_others).unwrap();
    jobs.create(&PostParams::default(), &theirs).await.unwrap();
    let listed = job(&cluster, &["list", "-n", NAMESPACE]).await;
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), ""));
    let sweep = ["sweep", "-n", NAMESPACE, "--min-age", "0", "--finished"];
    assert_eq!(job(&cluster, &sweep).await.stdout, "");
    for command in ["logs", "cancel"] {
        let said = job(&cluster, &[command, "theirs", "-n", NAMESPACE]).await;
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(
            said.stderr.contains("not created by this program"),
            "{}",
            said.stderr
        );
    }
    assert_eq!(cluster.server.existing("jobs").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_or_silent_is_named_within_half_a_minute() {
    let gone = Cluster::new().await;
    gone.server.go_down();
    let silent = Cluster::new().await;
    silent
        .server
        .faults()
        .plan(Match::any(), Fault::Stall(When::BeforeWork, None));
    let mut asked = Vec::new();
    for cluster in [&gone, &silent] {
        process::write_playbook(cluster.folder.path(), NAMESPACE, "true");
        for arguments in [
            ["job", "list", "-n", NAMESPACE].as_slice(),
            &["job", "logs", JOB, "-n", NAMESPACE],
            &["job", "cancel", JOB, "-n", NAMESPACE],
            &["job", "sweep", "-n", NAMESPACE],
            &RUN,
        ] {
            asked.push(async move {
                let begun = Instant::now();
                let output =
                    process::run(cluster.folder.path(), &cluster.kubeconfig(), arguments).await;
                let took = begun.elapsed();
                let said = format!(
                    "{arguments:?} {}{}",
                    process::stderr(&output),
                    String::from_utf8_lossy(&output.stdout)
                );
                assert_eq!(output.status.code(), Some(4), "{said}");
                let server = cluster.server.url();
                let address = server.strip_prefix("http://").unwrap();
                assert!(said.contains(address), "{said}");
                assert!(took < MAX_SILENCE, "{took:?}: {said}");
            });
        }
    }
    futures_util::future::join_all(asked).await;
}

/// A kubeconfig contains tokens, and the output of its credential plugin is one: errors of both do not quote them.
#[tokio::test(flavor = "multi_thread")]
async fn no_error_of_a_login_shows_a_token() {
    const TOKEN: &str = "TopSecretToken";
    let with_user = |user: &str| {
        format!(
            "{{clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:1'}}}}], current-context: x, \
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}], users: [{{name: u, user: {user}}}]}}"
        )
    };
    let program = |script: &str| {
        let arguments = serde_json::json!(["-c", script]);
        with_user(&format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: {arguments}, \
             interactiveMode: Never, env: [{{name: KEY, value: {TOKEN}}}]}}}}"
        ))
    };
    let wrote = format!(
        "echo '{{\"kind\": \"ExecCredential\", \"status\": {{\"token\": [\"{TOKEN}\"]}}}}'"
    );
    for (kubeconfig, expected) in [
        (
            format!("users:\n- name: u\n  user:\n    token: {TOKEN}\n   bad\n"),
            "is malformed: line 5, column 4",
        ),
        (with_user(&format!("{{token: [{TOKEN}]}}")), "is malformed"),
        (
            with_user(&format!("{{token: \"{TOKEN}\\n\"}}")),
            "not allowed in an HTTP header",
        ),
        (program(&wrote), "a valid `ExecCredential`"),
        (
            program(&format!("{wrote}; echo 'log in first' >&2; exit 3")),
            "(exit status: 3): log in first",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        std::fs::write(&file, kubeconfig).unwrap();
        process::write_playbook(folder.path(), NAMESPACE, "true");
        for arguments in [["job", "list"].as_slice(), &RUN] {
            let mut command = process::command(folder.path(), &file, arguments);
            command.env("RUST_LOG", "trace");
            let output = process::finish(command.spawn().unwrap()).await;
            let said = process::stderr(&output) + &String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(4), "{said}");
            assert!(!said.contains(TOKEN), "{said}");
            // Messages are broken into lines.
            let words: Vec<_> = said
                .split_whitespace()
                .filter(|word| *word != "│")
                .collect();
            assert!(words.join(" ").contains(expected), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_program_does_not_run_for_each_connection() {
    let cluster = Cluster::new().await;
    let folder = cluster.folder.path();
    let credential = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": "token-of-a-program", "expirationTimestamp": "2999-01-01T00:00:00Z"},
    });
    let program = format!("echo run >> {}/runs; echo '{credential}'", folder.display());
    let user = serde_json::json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", program],
        "interactiveMode": "Never",
    }});
    let text = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
    let mut kubeconfig: Value = serde_saphyr::from_str(&text).unwrap();
    kubeconfig["users"] = serde_json::json!([{"name": "program", "user": user}]);
    kubeconfig["contexts"][0]["context"]["user"] = serde_json::json!("program");
    std::fs::write(cluster.kubeconfig(), kubeconfig.to_string()).unwrap();

    process::write_playbook(folder, NAMESPACE, "echo done");
    let output = process::run(folder, &cluster.kubeconfig(), &RUN).await;
    assert!(output.status.success(), "{}", process::stderr(&output));
    let runs = std::fs::read_to_string(folder.join("runs")).unwrap();
    // Once for a certificate, once for a token.
    assert_eq!(runs, "run\nrun\n");
    let sent = cluster.server.requests().all();
    assert!(sent.len() > 4, "{:?}", cluster.requests());
}
