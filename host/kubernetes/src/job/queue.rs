//! A job that is suspended after it was let go, or that a queue has to let go.

use std::time::Duration;

use tokio::time::Instant;
use toolhost_capability::timer::NextLook;

use super::waiting::{Known, Look};
use super::{Job, Supervision};
use crate::diagnosis::queued;
use crate::queue::{self, Held};
use crate::view::JobView;
use crate::{api, retry};

/// How long a job is suspended before that is told: a queue with room admits it within a second, and what was heard may be
/// from before it was let go. By then, a queue has said why it does not.
const NOTICE_DELAY: Duration = Duration::from_secs(2);
/// How often a queue is asked for its reason that has not given one, after a delay that doubles: half a minute. It is not
/// asked again for another reason later.
const MAX_QUESTIONS: u32 = 5;

/// Since when a job is suspended, and what is known about it.
pub(super) struct Suspension {
    ask: Instant,
    after: Duration,
    questions_left: u32,
    held: Held,
}

impl Suspension {
    fn begin(now: Instant) -> Self {
        Self {
            ask: now + NOTICE_DELAY,
            after: NOTICE_DELAY,
            questions_left: MAX_QUESTIONS,
            held: Held::Unknown,
        }
    }

    /// Whether to ask why, which it is then.
    fn is_due(&mut self, next: &mut NextLook) -> bool {
        let may_ask = self.questions_left > 0 && self.held == Held::Unknown;
        if !may_ask || !next.is_due(self.ask) {
            return false;
        }
        self.questions_left -= 1;
        self.ask = next.now() + self.after;
        self.after *= 2;
        true
    }
}

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
        let Supervision {
            cluster,
            namespace,
            uid,
            ..
        } = &self.supervision;
        let client = cluster.connection.client();
        let workloads = cluster
            .before(|| api::workloads_of_job(&client, namespace, uid))
            .await;
        match workloads {
            Ok(workloads) => queue::held(&workloads),
            Err(error) if retry::code(&error) == Some(404) => Held::NoQueues,
            Err(error) => {
                tracing::debug!(%error, "why a queue holds a job back is not known");
                Held::Unknown
            }
        }
    }
}
