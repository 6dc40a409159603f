//! What the cluster would continue although the script has ended: ordinary sidecars, containers that keep its pod and
//! its job, and jobs that are resumed.

use toolhost_capability::JobEventKind;
use toolhost_capability::text::all_of;

use super::state::{Job, Supervision, Surplus};
use crate::{phase, retry};

impl Job {
    /// Ends what is left of an ended attempt, so that the job ends as it would without it.
    ///
    /// After a success the job is deleted: if its pod were, the Job controller would take that for a failure and run
    /// the script again. After a failure the pod is: its script's exit code makes it a failed one, which the Job
    /// controller counts and replaces by its own rules. Where pods may not be deleted, the job is, without a further
    /// attempt.
    pub(super) async fn end_surplus(&mut self) {
        let index = match self.surplus.take() {
            None => return,
            Some(Surplus::Rerun) => return self.delete_job().await,
            Some(Surplus::Sidecars(index)) => index,
        };
        let Some(attempt) = self.attempts.get(index).filter(|attempt| attempt.has_ended) else {
            return;
        };
        let Supervision {
            api,
            reporter,
            created,
            ..
        } = &self.supervision;
        let containers = phase::left_running(&attempt.pod);
        let message = format!(
            "attempt {}: the script ended, but other containers of its pod still ran {} s later, and were ended: {}. \
             Make them init containers with `restartPolicy: Always`, which end with the script",
            attempt.number(),
            api.cluster.settings.sidecar_grace.as_secs_f32(),
            all_of(containers),
        );
        reporter.report(
            created.elapsed(),
            attempt.number(),
            JobEventKind::Warning { message },
        );
        if !phase::has_succeeded(&attempt.pod) {
            let pod = &attempt.name;
            let deleted = api.delete_pod(pod, &attempt.uid).await;
            let Err(error) = deleted.or_else(retry::already_gone) else {
                return;
            };
            tracing::warn!(%error, pod, "a pod could not be deleted; its job is deleted, without a further attempt");
            self.verdict = self
                .verdicts
                .last()
                .map(|last| self.supervision.controller.gave_up(&last.end));
        }
        self.delete_job().await;
    }

    /// Deletes the job, whose supervision has ended.
    async fn delete_job(&self) {
        let api = &self.supervision.api;
        if let Err(error) = api.delete().await.or_else(retry::already_gone) {
            tracing::warn!(%error, job = api.name, "a finished job could not be deleted");
        }
    }
}
