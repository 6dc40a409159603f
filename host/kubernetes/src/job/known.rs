//! What is known of a job of which nothing runs, and when to look again.

use std::time::Duration;

use tokio::time::Instant;
use toolhost_capability::Reason;
use toolhost_capability::controller::Wait;
use toolhost_capability::timer::NextLook;

use crate::diagnosis::{Cause, Waiting};
use crate::queue::Held;

/// When the events of a job without a pod are looked at first, and how long after that again, doubled each time.
const FIRST_LOOK: Duration = Duration::from_secs(5);
const MAX_LOOK: Duration = Duration::from_mins(2);
/// How long a job is suspended before that is told: a queue with room admits it within a second, and what was heard may be
/// from before it was let go. By then, a queue has said why it does not.
const NOTICE_DELAY: Duration = Duration::from_secs(2);
/// How often a queue is asked for its reason that has not given one, after a delay that doubles: half a minute. It is not
/// asked again for another reason later.
const MAX_QUESTIONS: u32 = 5;

/// When the events of a job of which nothing runs are looked at.
pub(super) struct Look {
    pub(super) at: Instant,
    after: Duration,
}

impl Look {
    pub(super) fn new() -> Self {
        Self {
            at: Instant::now() + FIRST_LOOK,
            after: FIRST_LOOK,
        }
    }

    /// Whether to look now. If so, it is looked again after a longer time.
    pub(super) fn is_due(&mut self, next: &mut NextLook) -> bool {
        let is_due = next.is_due(self.at);
        if is_due {
            self.at = next.now() + self.after;
            self.after = (self.after * 2).min(MAX_LOOK);
        }
        is_due
    }
}

/// What nothing of a job can start for, as it was last known.
pub(super) struct Known {
    wait: Wait,
    /// Whether a pod says so itself, and says so no more when it is over.
    is_of_pod: bool,
}

impl Known {
    pub(super) fn new(waiting: &Waiting, is_of_pod: bool) -> Self {
        Self {
            wait: waiting.cause.clone().into(),
            is_of_pod,
        }
    }

    /// Nothing says what it waits for.
    pub(super) fn nothing() -> Self {
        let cause = Cause::new(
            Reason::StartFailed,
            "its script was not started, and nothing says why",
        )
        .with_hint("see `kubectl describe job`, and the events of its pods");
        Self {
            wait: cause.into(),
            is_of_pod: false,
        }
    }

    pub(super) fn as_wait(&self) -> &Wait {
        &self.wait
    }

    /// Whether it holds still although the pod does not say so just now: a kubelet's words about an image alternate
    /// with none.
    pub(super) fn may_hold(&self) -> bool {
        !self.is_of_pod || self.wait.reason == Reason::ImagePull
    }
}

/// Since when a job is suspended, and what is known about it.
pub(super) struct Suspension {
    pub(super) ask: Instant,
    pub(super) after: Duration,
    pub(super) questions_left: u32,
    pub(super) held: Held,
}

impl Suspension {
    pub(super) fn begin(now: Instant) -> Self {
        Self {
            ask: now + NOTICE_DELAY,
            after: NOTICE_DELAY,
            questions_left: MAX_QUESTIONS,
            held: Held::Unknown,
        }
    }

    /// Whether to ask why, which it is then.
    pub(super) fn is_due(&mut self, next: &mut NextLook) -> bool {
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
