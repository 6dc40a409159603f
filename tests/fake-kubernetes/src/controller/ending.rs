use serde_json::Value;
use tokio::time::Instant;

use super::Controller;
use super::census::Census;
use super::conditions::{self, Cause};
use crate::json::{number, object};
use crate::store::{Deletion, Key, Propagation};
use crate::time;

impl Controller {
    /// The first condition says how the Job will end, the second, when no pod is left, that it did.
    pub(super) fn end(
        &mut self,
        key: &Key,
        uid: &str,
        census: &Census,
        (soon, over): (&str, &str),
        cause: &Cause,
    ) -> Option<Instant> {
        let job = self.store.update(key, |job| {
            if !conditions::is_true(job, soon) {
                conditions::set(job, soon, true, cause);
            }
            Ok(())
        });
        let job = job.ok()?;
        if census.active + census.terminating > 0 {
            return None;
        }
        let is_failed = over == "Failed";
        self.store
            .update(key, |job| {
                conditions::set(job, over, true, cause);
                if !is_failed {
                    object(job, "status").insert("completionTime".to_owned(), time::now().into());
                }
                Ok(())
            })
            .ok()?;
        self.memories.get_mut(uid)?.finished = Some(Instant::now());
        if is_failed {
            self.tell(&job, true, &cause.reason, &cause.message);
        } else {
            self.tell(&job, false, "Completed", "Job completed");
        }
        Some(Instant::now())
    }

    /// Deletes a Job that ended long enough ago, in the foreground.
    pub(super) fn expire(&self, key: &Key, job: &Value, uid: &str) -> Option<Instant> {
        let seconds = u32::try_from(number(job, "/spec/ttlSecondsAfterFinished")?).ok()?;
        let finished = self.memories.get(uid)?.finished?;
        let end = finished + self.settings.ttl_second * seconds;
        if end > Instant::now() {
            return Some(end);
        }
        let deletion = Deletion {
            propagation: Some(Propagation::Foreground),
            uid: Some(uid.to_owned()),
            ..Deletion::default()
        };
        // It may be gone by now.
        let _ = self.store.delete(key, &deletion);
        None
    }
}
