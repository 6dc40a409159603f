//! How long the same cause has lasted.

use std::time::Duration;

use tokio::time::Instant;
use toolhost_capability::Reason;

use super::waiting::{Class, Waiting};

/// Measures how long a pod waits for the same cause, for [`Class::Grace`].
///
/// A kubelet's words alternate (`ErrImagePull`, `ImagePullBackOff`, none while it tries), so what counts is
/// the reason, and a moment without a word does not start the time anew; another reason does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience {
    since: Option<(Reason, Instant)>,
}

/// What to do about a pod that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// End the job.
    GiveUp,
    /// Look again after this, if nothing changes before.
    LookAgain(Duration),
    /// Wait for a change.
    Wait,
}

impl Patience {
    /// What to do about a pod that waits for this.
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
                Some(left) => Verdict::LookAgain(left),
            },
        }
    }

    /// The pod runs, or is another one.
    pub(crate) fn reset(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::cause::Cause;
    use super::*;

    fn waiting(reason: Reason, word: &str, class: Class) -> Waiting {
        Waiting {
            word: word.to_owned(),
            cause: Cause::new(reason, "x"),
            class,
        }
    }

    /// So many seconds after a start that is the same for all of a test.
    fn clock() -> impl Fn(u64) -> Instant {
        let start = Instant::now();
        move |second| start + Duration::from_secs(second)
    }

    #[test]
    fn counts_alternating_words_for_one_cause() {
        let grace = Class::Grace(Duration::from_mins(1));
        let pull = |word| waiting(Reason::ImagePull, word, grace);
        let (mut patience, second) = (Patience::default(), clock());
        let left = |seconds| Verdict::LookAgain(Duration::from_secs(seconds));
        assert_eq!(patience.judge(&pull("ErrImagePull"), second(100)), left(60));
        assert_eq!(
            patience.judge(&pull("ImagePullBackOff"), second(140)),
            left(20)
        );
        assert_eq!(
            patience.judge(&pull("ErrImagePull"), second(160)),
            Verdict::GiveUp
        );
    }

    #[test]
    fn starts_anew_for_another_cause_or_pod() {
        let grace = Class::Grace(Duration::from_secs(10));
        let (mut patience, second) = (Patience::default(), clock());
        patience.judge(&waiting(Reason::ImagePull, "a", grace), second(0));
        let config = waiting(Reason::ConfigMissing, "b", grace);
        assert_ne!(patience.judge(&config, second(30)), Verdict::GiveUp);
        patience.reset();
        assert_ne!(patience.judge(&config, second(60)), Verdict::GiveUp);
    }

    #[test]
    fn ends_what_is_hopeless_and_waits_for_what_is_not() {
        let (mut patience, second) = (Patience::default(), clock());
        let hopeless = waiting(Reason::InvalidImage, "a", Class::Hopeless);
        assert_eq!(patience.judge(&hopeless, second(0)), Verdict::GiveUp);
        let patient = waiting(Reason::Unschedulable, "a", Class::Patient);
        assert_eq!(patience.judge(&patient, second(9_999)), Verdict::Wait);
    }
}
