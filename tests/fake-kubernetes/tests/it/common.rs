use std::time::Duration;

use fake_kubernetes::{FakeKubernetes, Settings};
use futures_util::io::AsyncReadExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{Api, LogParams, Patch, PatchParams, PostParams};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Longer than anything takes, so that a test that hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Cluster {
    pub(crate) server: FakeKubernetes,
    pub(crate) client: Client,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let server = FakeKubernetes::start(settings).await.unwrap();
        let client = client(&server.url());
        Self { server, client }
    }

    pub(crate) fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub(crate) fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub(crate) fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub(crate) async fn create(&self, job: Value) -> Job {
        let job: Job = serde_json::from_value(job).unwrap();
        self.jobs()
            .create(&PostParams::default(), &job)
            .await
            .unwrap()
    }

    pub(crate) async fn resume(&self, name: &str) {
        let patch = json!({"spec": {"suspend": false}});
        let patch = Patch::Merge(&patch);
        self.jobs()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Waits until the objects of the server are as wanted.
    pub(crate) async fn until(&self, wanted: impl FnMut(&FakeKubernetes) -> bool) {
        if timeout(PATIENCE, self.server.until(wanted)).await.is_err() {
            let existing: Vec<Value> = ["jobs", "pods", "events"]
                .into_iter()
                .flat_map(|one| self.server.existing(one))
                .collect();
            panic!(
                "it never came: {}",
                serde_json::to_string_pretty(&existing).unwrap()
            );
        }
    }

    /// Waits until the Job has a condition that is true; the Job.
    pub(crate) async fn until_condition(&self, job: &str, condition: &str) -> Value {
        self.until(|server| {
            let job = server.object("jobs", "default", job);
            job.is_some_and(|job| has_condition(&job, condition))
        })
        .await;
        self.server.object("jobs", "default", job).unwrap()
    }

    /// The pods of a Job, in the order in which they were created.
    pub(crate) fn pods_of(&self, job: &str) -> Vec<Value> {
        let mut pods = self.server.existing("pods");
        pods.retain(|pod| pod["metadata"]["labels"]["job-name"] == job);
        pods
    }

    /// The name of the first pod of a Job.
    pub(crate) fn name_of_pod(&self, job: &str) -> String {
        let pods = self.pods_of(job);
        pods[0]["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// What following the log of a pod gives, once it can be followed.
    pub(crate) async fn follow(&self, pod: &str) -> String {
        let parameters = LogParams {
            follow: true,
            container: Some("script".to_owned()),
            ..LogParams::default()
        };
        let mut stream = self.pods().log_stream(pod, &parameters).await.unwrap();
        let mut log = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut log))
            .await
            .unwrap()
            .unwrap();
        log
    }
}

/// A client that does not try again by itself.
pub(crate) fn client(url: &str) -> Client {
    let mut config = Config::new(url.parse().unwrap());
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

pub(crate) fn has_condition(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|one| one["type"] == kind && one["status"] == "True")
}

/// A Job that runs this script of the shell.
pub(crate) fn shell_job(name: &str, script: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "labels": {"app": "test"}},
        "spec": {
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{
                    "name": "script", "image": "busybox:1", "command": ["sh", "-c", script],
                }],
            }},
        },
    })
}

pub(crate) fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("no status: {other:?}"),
    }
}
