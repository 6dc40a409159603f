//! A job that is suspended after it was resumed, or that a queue has to resume.

use toolhost_capability::timer::NextCheck;

use super::known::{EventCheck, Known, Suspension};
use super::state::Job;
use crate::diagnosis::queued;
use crate::queue::{self, Held};
use crate::retry;
use crate::view::JobView;

impl Job {
    /// Reports what keeps a job suspended. The job itself shows when that is over.
    pub(super) async fn judge_suspension(&mut self, job: &JobView, next: &mut NextCheck) {
        let suspension = self
            .suspension
            .get_or_insert_with(|| Suspension::begin(next.now()));
        if !suspension.is_due(next) {
            return;
        }
        let queue = queue::queue_of(job);
        let held = match queue {
            Some(_) => self.ask_queue().await,
            None => Held::Unknown,
        };
        let waiting = queued(queue, &held);
        if let Some(suspension) = &mut self.suspension {
            // Without a known queue, nothing is asked.
            suspension.questions_left *= u32::from(queue.is_some());
            suspension.held = held;
            if suspension.questions_left > 0 && suspension.held == Held::Unknown {
                next.is_due(suspension.ask);
            }
        }
        self.report_waiting(&waiting);
        self.wait = Some(Known::new(&waiting, false));
    }

    /// Records that the job is not suspended, or no longer.
    pub(super) fn end_suspension(&mut self) {
        if self.suspension.take().is_some() {
            self.event_check = EventCheck::new();
            self.reported = None;
            self.wait = None;
        }
    }

    /// Asks the queue for its reason. Without the permission to ask, the reason is unknown.
    async fn ask_queue(&self) -> Held {
        match self.supervision.api.workloads().await {
            Ok(workloads) => queue::held(&workloads),
            Err(error) if retry::code(&error) == Some(404) => Held::NoQueues,
            Err(error) => {
                tracing::debug!(%error, "the reason why a queue holds a job is unknown");
                Held::Unknown
            }
        }
    }
}
