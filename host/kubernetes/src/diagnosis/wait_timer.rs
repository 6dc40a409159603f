//! How long a wait for the same cause has lasted.

use std::time::Duration;

use tokio::time::Instant;
use toolhost_capability::Reason;

use super::waiting::{Class, Waiting};

/// Measures how long a pod waits for the same cause, for [`Class::Grace`].
///
/// A kubelet's words alternate (`ErrImagePull`, `ImagePullBackOff`, none while it retries), so the time is measured for
/// the reason, and a moment without a word does not restart it; another reason does.
#[derive(Debug, Clone, Default)]
pub(crate) struct WaitTimer {
    since: Option<(Reason, Instant)>,
}

/// What to do about a pod that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// End the job.
    GiveUp,
    /// Check again after this time, if nothing changes before.
    CheckAgain(Duration),
    /// Wait for a change.
    Wait,
}

impl WaitTimer {
    /// Decides what to do about a pod that waits for this cause.
    pub(crate) fn judge(&mut self, waiting: &Waiting, now: Instant) -> Verdict {
        let reason = waiting.cause.reason;
        let since = match self.since {
            Some((known, since)) if known == reason => since,
            _ => now,
        };
        self.since = Some((reason, since));
        match waiting.class {
            Class::Hopeless => Verdict::GiveUp,
            Class::Patient => Verdict::Wait,
            Class::Grace(grace) => match grace.checked_sub(now.duration_since(since)) {
                None | Some(Duration::ZERO) => Verdict::GiveUp,
                Some(left) => Verdict::CheckAgain(left),
            },
        }
    }

    /// Restarts the time: the pod runs, or is another one.
    pub(crate) fn reset(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use toolhost_capability::Explanation;

    use super::*;

    fn waiting(reason: Reason, word: &str, class: Class) -> Waiting {
        Waiting {
            word: word.to_owned(),
            cause: Explanation::new(reason, "x"),
            class,
        }
    }

    /// Returns a clock: seconds after a start that is fixed for a test.
    fn clock() -> impl Fn(u64) -> Instant {
        let start = Instant::now();
        move |second| start + Duration::from_secs(second)
    }

    #[test]
    fn alternating_words_count_as_one_cause() {
        let grace = Class::Grace(Duration::from_mins(1));
        let pull = |word| waiting(Reason::ImagePull, word, grace);
        let (mut wait_timer, second) = (WaitTimer::default(), clock());
        let left = |seconds| Verdict::CheckAgain(Duration::from_secs(seconds));
        assert_eq!(
            wait_timer.judge(&pull("ErrImagePull"), second(100)),
            left(60)
        );
        assert_eq!(
            wait_timer.judge(&pull("ImagePullBackOff"), second(140)),
            left(20)
        );
        assert_eq!(
            wait_timer.judge(&pull("ErrImagePull"), second(160)),
            Verdict::GiveUp
        );
    }

    #[test]
    fn another_cause_or_pod_restarts_the_time() {
        let grace = Class::Grace(Duration::from_secs(10));
        let (mut wait_timer, second) = (WaitTimer::default(), clock());
        wait_timer.judge(&waiting(Reason::ImagePull, "a", grace), second(0));
        let config = waiting(Reason::ConfigMissing, "b", grace);
        assert_ne!(wait_timer.judge(&config, second(30)), Verdict::GiveUp);
        wait_timer.reset();
        assert_ne!(wait_timer.judge(&config, second(60)), Verdict::GiveUp);
    }

    #[test]
    fn only_a_hopeless_wait_is_ended() {
        let (mut wait_timer, second) = (WaitTimer::default(), clock());
        let hopeless = waiting(Reason::InvalidImage, "a", Class::Hopeless);
        assert_eq!(wait_timer.judge(&hopeless, second(0)), Verdict::GiveUp);
        let patient = waiting(Reason::Unschedulable, "a", Class::Patient);
        assert_eq!(wait_timer.judge(&patient, second(9_999)), Verdict::Wait);
    }
}
