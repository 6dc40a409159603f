use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use toolhost_capability::sync::lock;
use toolhost_capability::{
    CapabilityError, JobEnd, JobEventKind, JobHandle, JobIdentity, JobRequest, JobRunner,
    JobStatus, LogSink,
};

use super::manifest::{ENGINE_NAME, Manifest, ManifestSettings};
use super::policy::Policy;

/// An engine that creates nothing: it records the objects that a cluster would get, and reports each job as succeeded.
/// A clone is the same engine.
#[derive(Debug, Clone, Default)]
pub struct Planner {
    jobs: Arc<Mutex<Vec<PlannedJob>>>,
    settings: ManifestSettings,
}

/// The objects of one job.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PlannedJob {
    /// Their namespace.
    pub namespace: String,
    /// Objects of Kubernetes, in the order in which they are created. Secret values, and scripts that are not in the
    /// Job, are replaced by placeholders.
    pub objects: Vec<Value>,
    /// Which inputs the Job does not contain, and why, for a person.
    pub explanation: String,
    /// The warning for the user.
    pub warning: Option<String>,
}

impl Planner {
    /// Creates an engine without planned jobs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the policy: like the real engine, it refuses what the policy does not allow.
    #[must_use]
    pub fn with_policy(mut self, policy: Arc<Policy>) -> Self {
        self.settings.policy = policy;
        self
    }

    /// Returns the jobs that were planned since the last call, in order.
    #[must_use]
    pub fn take(&self) -> Vec<PlannedJob> {
        let mut jobs = lock(&self.jobs);
        mem::take(&mut *jobs)
    }
}

#[async_trait]
impl JobRunner for Planner {
    fn name(&self) -> &'static str {
        ENGINE_NAME
    }

    async fn create(
        &self,
        request: JobRequest,
        _logs: Arc<dyn LogSink>,
    ) -> Result<JobHandle, CapabilityError> {
        let manifest = Manifest::new(&request, &self.settings)?;
        let planned = PlannedJob {
            namespace: manifest.namespace().to_owned(),
            objects: manifest.shown()?,
            explanation: manifest.explanation().to_owned(),
            warning: manifest.warning().map(str::to_owned),
        };
        let mut identity = JobIdentity::created(request.name);
        identity.namespace = Some(planned.namespace.clone());
        let mut jobs = lock(&self.jobs);
        jobs.push(planned);
        drop(jobs);
        let (handle, reporter) = JobHandle::new(identity);
        let end = JobEnd {
            status: JobStatus::Succeeded,
            succeeded: 1,
            failed: 0,
            explanation: None,
        };
        reporter.report(Duration::ZERO, 0, JobEventKind::Finished(end));
        Ok(handle)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;
    use toolhost_capability::{Reason, Script};

    use super::*;

    struct NoLog;

    impl LogSink for NoLog {
        fn write(&self, _attempt: u32, _bytes: &[u8]) {}

        fn end(&self, _attempt: u32) {}
    }

    fn request(script_bytes: usize) -> JobRequest {
        let mut request = JobRequest::new("job".parse().unwrap(), vec!["sh".to_owned()]);
        request.options.insert("image".to_owned(), json!("busybox"));
        request.script = Some(Script {
            file_name: "a.sh".parse().unwrap(),
            content: vec![b'x'; script_bytes].into(),
        });
        request.environment = vec![("TOKEN".parse().unwrap(), SecretString::from("hunter2"))];
        request
    }

    #[tokio::test]
    async fn objects_are_shown_without_their_secrets() {
        let planner = Planner::new();
        for bytes in [10, 1_000_000] {
            let mut handle = planner
                .create(request(bytes), Arc::new(NoLog))
                .await
                .unwrap();
            let end = handle.next_event().await.unwrap();
            assert!(end.is_end(), "{end:?}");
        }
        let jobs = planner.take();
        let kinds: Vec<Vec<_>> = jobs
            .iter()
            .map(|job| {
                job.objects
                    .iter()
                    .map(|one| one["kind"].as_str().unwrap())
                    .collect()
            })
            .collect();
        assert_eq!(
            kinds,
            [
                vec!["Job", "Secret"],
                vec!["Job", "Secret", "ConfigMap", "ConfigMap"]
            ]
        );
        assert_eq!(
            jobs[0].objects[1]["stringData"],
            json!({"TOKEN": "<TOKEN>", "noetl.script": "<noetl.script>"})
        );
        assert_eq!(
            jobs[0].explanation,
            "not in the Job: the variable `TOKEN` (secret), the script (secret)"
        );
        let text = format!("{jobs:?}");
        assert!(
            !text.contains("hunter2") && !text.contains("aHVudGVyM"),
            "{text}"
        );
        assert!(text.len() < 30_000, "the script is shown");
        assert!(planner.take().is_empty());
    }

    #[tokio::test]
    async fn a_job_without_secrets_is_shown_as_it_is_sent() {
        let planner = Planner::new();
        let mut request = request(10);
        request.public.script = true;
        request.public.variables.insert("TOKEN".parse().unwrap());
        planner.create(request, Arc::new(NoLog)).await.unwrap();
        let jobs = planner.take();
        let [job] = jobs[0].objects.as_slice() else {
            panic!("{jobs:?}")
        };
        assert_eq!(job["spec"]["suspend"], false);
        let annotations = &job["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(annotations["noetl.io/script"], "xxxxxxxxxx");
        assert!(jobs[0].explanation.starts_with("one request"), "{jobs:?}");
    }

    #[tokio::test]
    async fn jobs_that_a_cluster_refuses_are_refused() {
        let planner = Planner::new();
        let mut request = request(1);
        request.options.insert("namespace".to_owned(), json!("A B"));
        let error = planner.create(request, Arc::new(NoLog)).await.unwrap_err();
        assert_eq!(error.explanation.reason, Reason::InvalidRequest);
        assert!(planner.take().is_empty());
    }
}
