//! A job that is suspended after it was let go, or that a queue has to let go.

use toolhost_capability::timer::NextLook;

use super::known::{Known, Look, Suspension};
use super::state::Job;
use crate::diagnosis::queued;
use crate::queue::{self, Held};
use crate::retry;
use crate::view::JobView;

impl Job {
    /// Tells what holds a suspended job back. The job itself says when that is over.
    pub(super) async fn judge_suspension(&mut self, job: &JobView, next: &mut NextLook) {
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
            // Nobody else is asked where no queue is known.
            suspension.questions_left *= u32::from(queue.is_some());
            suspension.held = held;
            if suspension.questions_left > 0 && suspension.held == Held::Unknown {
                next.is_due(suspension.ask);
            }
        }
        self.tell_waiting(&waiting);
        self.wait = Some(Known::new(&waiting, false));
    }

    /// Notes that the job is not suspended, or not any more.
    pub(super) fn end_suspension(&mut self) {
        if self.suspension.take().is_some() {
            self.look = Look::new();
            self.told = None;
            self.wait = None;
        }
    }

    /// What the queue says of the job. Who may not ask knows nothing.
    async fn ask_queue(&self) -> Held {
        match self.supervision.api.workloads().await {
            Ok(workloads) => queue::held(&workloads),
            Err(error) if retry::code(&error) == Some(404) => Held::NoQueues,
            Err(error) => {
                tracing::debug!(%error, "why a queue holds a job back is not known");
                Held::Unknown
            }
        }
    }
}
