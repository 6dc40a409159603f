//! Where the inputs of a job are, and what its creation costs.

use bytes::Bytes;
use fake_kubernetes::{FakeKubernetes, Fault, Match, RequestRecord, When};
use serde_json::{Value, json};
use toolhost::capability::{ARGUMENTS_VARIABLE, JobRequest, JobStatus};

use super::{Cluster, Ran, public, run, start};

/// What a kubelet, a shell and JSON treat in a special way.
const SPECIAL: &str =
    "'\"\\ $(HOME) $$ $$(HOME) $(NOETL_ARGS) `x` ü€😀 \u{2028}\ttab\n\n  last line";

/// The requests about this one job, in order: without those that all jobs of a namespace share.
fn own(cluster: &Cluster) -> Vec<String> {
    let requests = cluster.server.requests().all();
    let is_own = |request: &&RequestRecord| !matches!(request.call.verb.as_str(), "watch" | "list");
    let own = requests.iter().filter(is_own);
    own.map(RequestRecord::summary).collect()
}

fn shared(cluster: &Cluster) -> usize {
    cluster.server.requests().all().len() - own(cluster).len()
}

fn is_resolved(cluster: &Cluster, ran: &Ran) {
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    let jobs = cluster.server.existing("jobs");
    assert!(!jobs.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_secrets_is_one_request_and_its_log() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let mut request = Cluster::request("job", "echo $WORD $1");
    request.environment = vec![
        ("WORD".parse().unwrap(), "word".into()),
        (ARGUMENTS_VARIABLE.parse().unwrap(), "{\"a\":1}".into()),
    ];
    let ran = run(&engine, public(request)).await.unwrap();
    is_resolved(&cluster, &ran);
    assert_eq!(ran.logs, ["word {\"a\":1}\n"]);
    let requests = own(&cluster);
    let (creation, logs) = requests.split_first().unwrap();
    assert_eq!(creation, "create jobs", "{:#?}", cluster.requests());
    assert!(
        matches!(logs.len(), 1 | 2) && logs.iter().all(|request| request == "get pods/log"),
        "{:#?}",
        cluster.requests()
    );
    // Two lists, two watches, and their two trials.
    assert!(shared(&cluster) <= 6, "{:#?}", cluster.requests());
    assert_eq!((cluster.ever("Secret"), cluster.ever("ConfigMap")), (0, 0));
    // The next job shares the watches.
    let before = shared(&cluster);
    let next = public(Cluster::request("next", "true"));
    is_resolved(&cluster, &run(&engine, next).await.unwrap());
    assert_eq!(shared(&cluster), before, "{:#?}", cluster.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_pod_that_is_known_to_have_ended_is_one_request() {
    let cluster = Cluster::new().await;
    let request = || public(Cluster::request("job", "echo done"));
    let first = run(&cluster.engine().await, request()).await.unwrap();
    is_resolved(&cluster, &first);
    cluster
        .until("the job is not over", |server| {
            !server.is_running("default", "job")
        })
        .await;
    let before = own(&cluster).len();
    let ran = run(&cluster.engine().await, request()).await.unwrap();
    assert!(ran.identity.adopted);
    assert_eq!(ran.logs, ["done\n"]);
    let requests = own(&cluster).split_off(before);
    let logs = requests.iter().filter(|request| *request == "get pods/log");
    assert_eq!(logs.count(), 1, "{:#?}", cluster.requests());
}

/// A script that shows its inputs, each after a line of its own.
fn showing(special: &str) -> JobRequest {
    let program = "echo script; cat \"$0\"; echo; echo argument; printf '%s\\n' \"$1\"; echo file; \
                   cat \"$NOETL_ARGS_FILE\"; echo; echo variable; printf '%s\\n' \"$WORD\"\nexit\n";
    let mut request = Cluster::request("job", "");
    let script = format!("{program}{special}");
    request.script.as_mut().unwrap().content = Bytes::from(script);
    request.environment = vec![
        ("WORD".parse().unwrap(), SPECIAL.into()),
        (ARGUMENTS_VARIABLE.parse().unwrap(), SPECIAL.into()),
    ];
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_the_inputs_arrives_wherever_they_are() {
    let line = format!("{}\n", "0123456789 'x' $y".repeat(5));
    let large = format!("{SPECIAL}{}", line.repeat(200_000 / line.len()));
    for (special, secret, has_secret) in [
        (SPECIAL, &[][..], false),
        (&large, &[], false),
        (SPECIAL, &[ARGUMENTS_VARIABLE], true),
        (SPECIAL, &["WORD"], true),
    ] {
        let cluster = Cluster::new().await;
        let mut request = public(showing(special));
        let public = &mut request.public.variables;
        public.retain(|name| !secret.contains(&name.as_str()));
        let script = request.script.as_ref().unwrap().content.clone();
        let script = String::from_utf8(script.to_vec()).unwrap();
        let ran = run(&cluster.engine().await, request).await.unwrap();
        is_resolved(&cluster, &ran);
        let expected = format!(
            "script\n{script}\nargument\n{SPECIAL}\nfile\n{SPECIAL}\nvariable\n{SPECIAL}\n"
        );
        assert!(
            ran.logs == [expected.as_str()],
            "{secret:?}: {} bytes instead of {}",
            ran.logs[0].len(),
            expected.len()
        );
        assert_eq!(
            cluster.ever("Secret"),
            usize::from(has_secret),
            "{secret:?}"
        );
    }
}

/// The values that the pod gets, as the Job has them.
fn inputs(job: &Value) -> String {
    let template = &job["spec"]["template"];
    let script = &template["spec"]["containers"][0]["env"];
    json!([template["metadata"]["annotations"], script]).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_script_with_public_arguments_is_in_the_secret() {
    let cluster = Cluster::new().await;
    let mut request = public(showing("# planted-in-the-script"));
    request.public.script = false;
    let ran = run(&cluster.engine().await, request).await.unwrap();
    is_resolved(&cluster, &ran);
    assert!(ran.logs[0].contains("planted-in-the-script"), "{ran:#?}");
    for object in cluster.server.objects() {
        if object["kind"] != "Secret" {
            assert!(!object.to_string().contains("planted"), "{object:#}");
        }
    }
    let job = cluster.server.existing("jobs").remove(0);
    assert!(inputs(&job).contains("last line"), "{job:#}");
    assert_eq!(cluster.ever("Secret"), 1);
    assert!(cluster.server.existing("secrets").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_says_nothing_keeps_its_inputs_secret() {
    let cluster = Cluster::new().await;
    let ran = run(&cluster.engine().await, showing("# planted-in-the-script")).await;
    is_resolved(&cluster, &ran.unwrap());
    let job = cluster.server.existing("jobs").remove(0).to_string();
    assert!(
        !job.contains("planted") && !job.contains("last line"),
        "{job}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_secrets_for_a_queue_is_one_request_as_well() {
    let cluster = Cluster::with(|settings| settings.queue_slots = Some(1)).await;
    let mut request = public(Cluster::request("job", "echo done"));
    let queue = ("kueue.x-k8s.io/queue-name".to_owned(), "jobs".to_owned());
    request.labels.extend([queue]);
    let ran = run(&cluster.engine().await, request).await.unwrap();
    is_resolved(&cluster, &ran);
    assert_eq!(ran.logs, ["done\n"]);
    let requests = own(&cluster);
    let changes = requests.iter().filter(|request| *request != "get pods/log");
    assert_eq!(changes.count(), 1, "{:#?}", cluster.requests());
    assert_eq!(cluster.ever("Pod"), 1);
}

/// What suspended it resumes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_secrets_that_someone_suspended_is_not_resumed_by_its_host_nor_swept() {
    let cluster = Cluster::new().await;
    let again = cluster.folder.path().join("again");
    let script = format!(
        "[ -e {again} ] || {{ touch {again}; echo begun; exec sleep 1000; }}; echo done",
        again = again.display()
    );
    let request = || public(Cluster::request("job", &script));
    let first = cluster.engine().await;
    let running = start(&first, request()).await.unwrap();
    running.logs.until("begun").await;
    cluster.server.suspend("default", "job", true);
    let has_no_pod = |server: &FakeKubernetes| {
        let pods = server.existing("pods");
        pods.iter().all(|pod| pod["status"]["phase"] != "Running")
    };
    cluster.until("the pod runs", has_no_pod).await;
    let other = cluster.engine().await;
    let adopted = start(&other, request()).await.unwrap();
    let mut options = toolhost_kubernetes::SweepOptions::default();
    options.min_age = std::time::Duration::ZERO;
    let swept = other.sweep("default", options).await.unwrap();
    assert!(
        swept.jobs.is_empty() && swept.secrets.is_empty(),
        "{swept:?}"
    );
    assert!(!own(&cluster).contains(&"patch jobs".to_owned()));
    cluster.server.suspend("default", "job", false);
    for running in [running, adopted] {
        let ran = running.finish().await;
        assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    }
}

/// The answer to the one request is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_created_although_the_answer_was_lost_is_not_created_twice() {
    let cluster = Cluster::new().await;
    let lost = Match::new("create", "jobs").nth(1);
    let faults = cluster.server.faults();
    faults.plan(lost, Fault::Close(When::AfterWork));
    let request = public(Cluster::request("job", "echo done"));
    let ran = run(&cluster.engine().await, request).await.unwrap();
    is_resolved(&cluster, &ran);
    assert!(!ran.identity.adopted);
    assert_eq!((cluster.ever("Job"), cluster.ever("Pod")), (1, 1));
}
