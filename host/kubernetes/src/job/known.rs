//! Why a waiting job waits, as far as is known, and when to check again.

use std::time::Duration;

use tokio::time::Instant;
use toolhost_capability::Explanation;
use toolhost_capability::Reason;
use toolhost_capability::timer::NextCheck;

use crate::diagnosis::Waiting;
use crate::queue::Held;

/// When the events of a job without a pod are first listed, and how long after that again, doubled each time.
const FIRST_CHECK: Duration = Duration::from_secs(5);
const MAX_LOOK: Duration = Duration::from_mins(2);
/// How long a job is suspended before that is reported: a queue with capacity admits it within a second, and the
/// received state may be older than the resumption. By then, a queue has given a reason for not admitting it.
const NOTICE_DELAY: Duration = Duration::from_secs(2);
/// How often a queue that has given no reason is asked for one, after a delay that doubles: half a minute in total. It
/// is not asked again for another reason later.
const MAX_QUESTIONS: u32 = 5;

/// When the events of a waiting job are listed.
pub(super) struct EventCheck {
    pub(super) at: Instant,
    after: Duration,
}

impl EventCheck {
    pub(super) fn new() -> Self {
        Self {
            at: Instant::now() + FIRST_CHECK,
            after: FIRST_CHECK,
        }
    }

    /// Whether to check now. If so, the next check is after a longer time.
    pub(super) fn is_due(&mut self, next: &mut NextCheck) -> bool {
        let is_due = next.is_due(self.at);
        if is_due {
            self.at = next.now() + self.after;
            self.after = (self.after * 2).min(MAX_LOOK);
        }
        is_due
    }
}

/// What prevents a job from starting, as last known.
pub(super) struct Known {
    wait: Explanation,
    /// Whether it is from the pod itself, which stops reporting it when it has passed.
    is_of_pod: bool,
}

impl Known {
    pub(super) fn new(waiting: &Waiting, is_of_pod: bool) -> Self {
        Self {
            wait: waiting.cause.clone(),
            is_of_pod,
        }
    }

    /// The cause is unknown.
    pub(super) fn nothing() -> Self {
        let wait = Explanation::new(
            Reason::StartFailed,
            "its script was not started, and the cluster gives no reason",
        )
        .with_hint("see `kubectl describe job`, and the events of its pods");
        Self {
            wait,
            is_of_pod: false,
        }
    }

    pub(super) fn as_wait(&self) -> &Explanation {
        &self.wait
    }

    /// Whether it may still apply although the pod does not report it at the moment: a kubelet's words about an image
    /// alternate with none.
    pub(super) fn may_hold(&self) -> bool {
        !self.is_of_pod || self.wait.reason == Reason::ImagePull
    }
}

/// When a job was suspended, and why, as far as is known.
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

    /// Whether to ask for the reason now.
    pub(super) fn is_due(&mut self, next: &mut NextCheck) -> bool {
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
