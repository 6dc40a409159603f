//! Reads the logs of a job's pods, without having created the job.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::watch;
use toolhost_capability::{CapabilityError, LogSink, Reason};

use super::api;
use super::engine::KubernetesEngine;
use super::follow::{Followed, Follower, Writing};
use super::job_watcher::{JobState, PodState, Subscription, WatchError};
use super::names::SCRIPT_CONTAINER;
use super::phase;
use super::view::{JobView, PodView};

impl KubernetesEngine {
    /// Writes the logs of a job's pods, attempt by attempt, and continues until the job ends where `follow` is set.
    ///
    /// The output is not redacted: only the host that created a job knows its secrets.
    ///
    /// # Errors
    ///
    /// The same as those of [`jobs`](Self::jobs), and that there is no such job.
    pub async fn read_job_logs(
        &self,
        namespace: &str,
        name: &str,
        follow: bool,
        logs: Arc<dyn LogSink>,
    ) -> Result<(), CapabilityError> {
        if follow {
            return self.follow_job_logs(namespace, name, logs).await;
        }
        let (_, uid) = self.own_job(namespace, name).await?;
        let mut pods = self.pods(namespace, &uid).await?;
        pods.sort_by_cached_key(PodView::order);
        for (index, pod) in pods.iter().enumerate() {
            if phase::phase(pod).has_started {
                let (_known, writing) = watch::channel(Writing::Ended);
                let follower = self.follower(namespace, pod, index, &logs, writing);
                check(follower.run_rest().await)?;
            }
        }
        Ok(())
    }

    async fn follow_job_logs(
        &self,
        namespace: &str,
        name: &str,
        logs: Arc<dyn LogSink>,
    ) -> Result<(), CapabilityError> {
        // Before the job is read, so that no event is missed in between.
        let subscription = self.cluster().job_watcher.subscribe(namespace, name).await;
        let subscription = subscription.map_err(|error| self.unwatchable(&error))?;
        let (job, uid) = self.own_job(namespace, name).await?;
        subscription.learn(Some(job), self.pods(namespace, &uid).await?);
        let mut read = HashSet::new();
        let mut has_asked_again = false;
        loop {
            let state = subscription.state(&uid);
            let Some(pod) = next_pod(&state, &read) else {
                if !is_over(&state) {
                    subscription.changed().await;
                } else if has_asked_again {
                    return Ok(());
                } else {
                    // The watch of pods may be behind that of jobs.
                    has_asked_again = true;
                    subscription.learn(None, self.pods(namespace, &uid).await?);
                }
                continue;
            };
            let pod_uid = pod.pod.metadata.uid.clone().unwrap_or_default();
            let writing = Writing::of(&pod.pod, pod.is_gone);
            if phase::phase(&pod.pod).has_started {
                let (known, receiver) = watch::channel(writing);
                let follower = self.follower(namespace, &pod.pod, read.len(), &logs, receiver);
                let following = follower.run();
                check(follow_reporting(following, &subscription, (&uid, &pod_uid), &known).await)?;
            } else if writing == Writing::Runs {
                subscription.changed().await;
                continue;
            }
            read.insert(pod_uid);
        }
    }

    async fn pods(&self, namespace: &str, uid: &str) -> Result<Vec<PodView>, CapabilityError> {
        let client = self.cluster().connection.client();
        let pods = self
            .cluster()
            .before(|| api::pods_of_job(&client, namespace, uid))
            .await;
        pods.map_err(|error| self.refused(&error))
    }

    fn follower(
        &self,
        namespace: &str,
        pod: &PodView,
        index: usize,
        logs: &Arc<dyn LogSink>,
        writing: watch::Receiver<Writing>,
    ) -> Follower {
        Follower {
            connection: Arc::clone(&self.cluster().connection),
            namespace: namespace.to_owned(),
            pod: pod.metadata.name.clone().unwrap_or_default(),
            container: SCRIPT_CONTAINER,
            attempt: u32::try_from(index + 1).unwrap_or(u32::MAX),
            logs: Arc::clone(logs),
            writing,
        }
    }

    fn unwatchable(&self, error: &WatchError) -> CapabilityError {
        match error {
            WatchError::Refused(error) => self.refused(error),
            WatchError::Silent => {
                let message = format!("the cluster does not answer: {error}");
                self.cluster()
                    .name_server(CapabilityError::new(Reason::EngineUnavailable, message))
            }
        }
    }
}

/// Follows a pod, and passes the received states of the container on to it.
async fn follow_reporting(
    following: impl Future<Output = Followed>,
    subscription: &Subscription,
    (job, pod): (&str, &str),
    known: &watch::Sender<Writing>,
) -> Followed {
    let mut following = std::pin::pin!(following);
    loop {
        tokio::select! {
            followed = &mut following => return followed,
            () = subscription.changed() => {
                if let Some(state) = subscription.state(job).pods.get(pod) {
                    known.send_replace(Writing::of(&state.pod, state.is_gone));
                }
            }
        }
    }
}

/// Returns the oldest pod that was not read yet.
fn next_pod<'a>(state: &'a JobState, read: &HashSet<String>) -> Option<&'a PodState> {
    let pods = state.pods.iter().filter(|(uid, _)| !read.contains(*uid));
    pods.map(|(_, pod)| pod).min_by_key(|pod| pod.pod.order())
}

fn is_over(state: &JobState) -> bool {
    let is_over = |job: &Arc<JobView>| phase::is_over(job);
    state.is_job_gone || state.job.as_ref().is_some_and(is_over)
}

fn check(followed: Followed) -> Result<(), CapabilityError> {
    match followed.problem {
        Some(problem) => Err(CapabilityError::new(Reason::EngineUnavailable, problem)),
        None => Ok(()),
    }
}
