//! Where the secrets of a job are: in one Secret, and for as long as the job runs.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use kube::{Client, Config};
use serde_json::{Value, json};
use toolhost::capability::{ARGUMENTS_VARIABLE, JobStatus};

use super::{Cluster, NAMESPACE, run};
use crate::guests::CapturedLog;

const IN_ENVIRONMENT: &str = "correct-horse-battery-staple";
const IN_ARGUMENTS: &str = "tr0ub4dor-and-three";

/// A job with secrets, which it uses and does not write.
fn job() -> toolhost::capability::JobRequest {
    let script =
        "[ \"$TOKEN\" = correct\"-\"horse-battery-staple ] && [ ${#1} -gt 20 ] && echo known";
    let mut request = Cluster::request("job", script);
    request.environment = vec![
        ("TOKEN".parse().unwrap(), IN_ENVIRONMENT.into()),
        (
            ARGUMENTS_VARIABLE.parse().unwrap(),
            format!("{{\"password\":\"{IN_ARGUMENTS}\"}}").into(),
        ),
    ];
    request
}

/// Whether a secret, plain or in base64 at any offset, is in the text.
fn shows(text: &str) -> bool {
    [IN_ENVIRONMENT, IN_ARGUMENTS].iter().any(|secret| {
        let inner = |offset: usize| {
            let encoded = STANDARD.encode(format!("{}{secret}", &"xxx"[..offset]));
            // What the neighbours of the secret decide is left out.
            encoded[4..encoded.len() - 4].to_owned()
        };
        text.contains(secret) || (0..3).any(|offset| text.contains(&inner(offset)))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_the_one_secret_and_nowhere_else() {
    let captured = CapturedLog::default();
    let guard = captured.capture();
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let ran = run(&engine, job()).await.unwrap();
    drop(guard);
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!(ran.logs, ["known\n"]);

    let mut secrets = 0;
    for mut object in cluster.server.objects() {
        if object["kind"] == "Secret" {
            secrets += 1;
            assert!(shows(&object["data"].to_string()), "{object:#}");
            object["data"] = Value::Null;
        }
        assert!(!shows(&object.to_string()), "{object:#}");
    }
    assert!(secrets > 0);
    assert_eq!(cluster.ever("Secret"), 1);
    let mut creations = 0;
    for request in cluster.server.requests().all() {
        let body = String::from_utf8_lossy(&request.body);
        if request.summary() == "create secrets" {
            creations += 1;
            assert!(shows(&body));
            continue;
        }
        assert!(!shows(&body), "{}: {body}", request.summary());
        assert!(
            !shows(&format!("{:?}", request.call)),
            "{}",
            request.summary()
        );
    }
    assert_eq!(creations, 1);
    for text in [format!("{ran:?}"), captured.text(), format!("{engine:?}")] {
        assert!(!shows(&text), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_gone_within_a_second_after_the_last_pod() {
    // As slow as a real Job controller, which is not waited for.
    let cluster = Cluster::with(|settings| settings.status_delay = Duration::from_secs(3)).await;
    let engine = cluster.engine().await;
    let watching = async {
        let has_ended = |server: &fake_kubernetes::FakeKubernetes| {
            let pods = server.existing("pods");
            !pods.is_empty() && pods.iter().all(|pod| pod["status"]["phase"] == "Succeeded")
        };
        cluster.until("the pod does not end", has_ended).await;
        let ended = Instant::now();
        cluster
            .until("a Secret is left", |server| {
                server.existing("secrets").is_empty()
            })
            .await;
        ended.elapsed()
    };
    let (ran, elapsed) = tokio::join!(run(&engine, job()), watching);
    assert_eq!(ran.unwrap().end.status, JobStatus::Succeeded);
    assert!(elapsed < Duration::from_secs(1), "it took {elapsed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_one_attempt_costs_six_requests() {
    let cluster = Cluster::new().await;
    let engine = cluster.engine().await;
    let ran = run(&engine, job()).await.unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    let requests = cluster.server.requests().all();
    let of_the_job = requests.iter().filter(|request| {
        !matches!(request.call.verb.as_str(), "watch" | "list")
            && request.call.resource != "selfsubjectaccessreviews"
    });
    assert!(of_the_job.count() <= 6, "{:#?}", cluster.requests());
    let others = requests.len()
        - cluster
            .requests()
            .iter()
            .filter(|line| {
                !line.contains(" watch ")
                    && !line.contains(" list ")
                    && !line.contains("accessreviews")
            })
            .count();
    // Two lists, two watches, their two trials, and the question about rights.
    assert!(others <= 7, "{:#?}", cluster.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_others_that_is_named_as_a_job_is_neither_read_nor_deleted() {
    let cluster = Cluster::new().await;
    let client = Client::try_from(Config::new(cluster.server.url().parse().unwrap())).unwrap();
    let secrets: Api<Secret> = Api::namespaced(client, NAMESPACE);
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "database"},
        "stringData": {"TOKEN": "theirs"},
    });
    let theirs: Secret = serde_json::from_value(theirs).unwrap();
    secrets
        .create(&PostParams::default(), &theirs)
        .await
        .unwrap();
    // A tool chooses the name of its job, and of the variables.
    let mut request = Cluster::request("database", "echo \"$TOKEN\"");
    request.environment = vec![("TOKEN".parse().unwrap(), "mine".into())];
    let ran = run(&cluster.engine().await, request).await.unwrap();
    assert_eq!(ran.end.status, JobStatus::Succeeded, "{ran:#?}");
    assert_eq!(ran.logs, ["mine\n"], "{ran:#?}");
    cluster
        .until(
            "the Secret of the job is left, or theirs is gone",
            |server| {
                let left = server.existing("secrets");
                left.len() == 1 && left[0]["metadata"]["name"] == "database"
            },
        )
        .await;
}
