use super::observation::observe;
use super::{Behaviour, Harness, printed_bytes};
use crate::{Explanation, JobEventKind, JobStatus, Reason};

/// A program that exits with 0 succeeds in its first attempt.
pub async fn succeeds(harness: &dyn Harness) {
    let behaviour = Behaviour::Sequence(vec![
        Behaviour::Print("out\n".to_owned()),
        Behaviour::PrintError("err\n".to_owned()),
    ]);
    let observed = observe(harness, harness.request("succeeds", &behaviour).await).await;

    assert_eq!(observed.end.status, JobStatus::Succeeded);
    assert_eq!((observed.end.succeeded, observed.end.failed), (1, 0));
    assert_eq!(observed.end.reason(), None);
    let attempts = observed.attempts();
    let codes: Vec<_> = attempts.iter().map(|end| end.exit_code).collect();
    assert_eq!(codes, [Some(0)]);
    let mut lines: Vec<_> = text(&observed.log(1)).lines().map(str::to_owned).collect();
    // Two outputs may be two pipes.
    lines.sort_unstable();
    assert_eq!(lines, ["err", "out"]);
}

/// A program that fails is retried, and every attempt has its own log.
pub async fn retries_until_it_succeeds(harness: &dyn Harness) {
    let print_and_exit = |text: &str, code| {
        Behaviour::Sequence(vec![
            Behaviour::Print(text.to_owned()),
            Behaviour::Exit(code),
        ])
    };
    let behaviour = Behaviour::Attempts(vec![
        print_and_exit("first", 3),
        print_and_exit("second", 4),
        print_and_exit("third", 0),
    ]);
    let mut request = harness.request("retries", &behaviour).await;
    request.backoff_limit = 3;
    let observed = observe(harness, request).await;

    assert_eq!(observed.end.status, JobStatus::Succeeded);
    assert_eq!((observed.end.succeeded, observed.end.failed), (1, 2));
    let attempts = observed.attempts();
    let codes: Vec<_> = attempts.iter().map(|end| end.exit_code).collect();
    assert_eq!(codes, [Some(3), Some(4), Some(0)]);
    let reasons: Vec<_> = attempts.iter().map(|end| end.reason()).collect();
    let failed = Some(Reason::ScriptError);
    assert_eq!(reasons, [failed, failed, None]);
    for (attempt, expected) in [(1, "first"), (2, "second"), (3, "third")] {
        assert_eq!(text(&observed.log(attempt)), expected);
    }
}

/// A program that always fails is retried as often as allowed, after growing delays.
pub async fn gives_up_at_the_backoff_limit(harness: &dyn Harness) {
    let mut request = harness.request("gives-up", &Behaviour::Exit(3)).await;
    request.backoff_limit = 2;
    let observed = observe(harness, request).await;

    assert_eq!(observed.end.status, JobStatus::Failed);
    assert_eq!((observed.end.succeeded, observed.end.failed), (0, 3));
    assert_eq!(observed.end.reason(), Some(Reason::ScriptError));
    assert!(observed.end.explanation.is_some(), "the end says nothing");
    assert_eq!(observed.attempts().len(), 3);
    let waits: Vec<_> = observed
        .events
        .iter()
        .filter_map(|event| match event.kind {
            JobEventKind::BackingOff { wait } => Some(wait),
            _ => None,
        })
        .collect();
    let first = harness.timing().first_backoff;
    assert_eq!(waits, [first, first * 2]);
}

/// The deadline counts from the first start, over all attempts and the delays between them.
pub async fn counts_the_deadline_over_all_attempts(harness: &dyn Harness) {
    let timing = harness.timing();
    let behaviour = Behaviour::Attempts(vec![
        Behaviour::Sequence(vec![Behaviour::Sleep(timing.unit * 2), Behaviour::Exit(1)]),
        Behaviour::SleepForever,
    ]);
    let mut request = harness.request("deadline", &behaviour).await;
    let deadline = timing.unit * 4 + timing.first_backoff;
    request.active_deadline = Some(deadline);
    let observed = observe(harness, request).await;

    assert_eq!(observed.end.status, JobStatus::TimedOut);
    assert_eq!(observed.end.reason(), Some(Reason::DeadlineExceeded));
    let why = observed.end.explanation.as_ref();
    let field = why.and_then(Explanation::field_text);
    assert_eq!(field.as_deref(), Some("activeDeadlineSeconds"));
    let attempts = observed.attempts();
    let reasons: Vec<_> = attempts.iter().map(|end| end.reason()).collect();
    let expected = [Some(Reason::ScriptError), Some(Reason::DeadlineExceeded)];
    assert_eq!(reasons, expected);
    assert_eq!((observed.end.succeeded, observed.end.failed), (0, 2));
    // Counted for each attempt separately, it would end two units and a delay later.
    let elapsed = observed.elapsed;
    let too_late = deadline + timing.unit * 2 + timing.first_backoff;
    assert!(
        elapsed >= deadline && elapsed < too_late,
        "the deadline of {deadline:?} ended it after {elapsed:?}"
    );
}

/// A program that uses more memory than its limit is ended, and the limit is named.
pub async fn tells_when_memory_was_not_enough(harness: &dyn Harness) {
    let behaviour = Behaviour::Allocate(512 << 20);
    let mut request = harness.request("memory", &behaviour).await;
    request
        .limits
        .insert("memory".to_owned(), "64Mi".to_owned());
    request.backoff_limit = 0;
    let observed = observe(harness, request).await;

    let attempts = observed.attempts();
    let reasons: Vec<_> = attempts.iter().map(|end| end.reason()).collect();
    assert_eq!(reasons, [Some(Reason::OomKilled)], "{attempts:?}");
    assert_eq!(observed.end.status, JobStatus::Failed);
    assert_eq!(observed.end.reason(), Some(Reason::OomKilled));
    let why = observed.end.explanation.as_ref();
    let field = why.and_then(Explanation::field_text);
    assert_eq!(field.as_deref(), Some("resources.limits.memory"));
    let hint = why.and_then(Explanation::hint_text).unwrap_or_default();
    assert!(
        hint.contains("64Mi"),
        "the hint does not name the limit: {hint}"
    );
}

/// Every written byte is in the log before the attempt's end is reported.
pub async fn keeps_logs_complete(harness: &dyn Harness) {
    /// Much more than the buffer of a pipe, and not a multiple of the size of lines or pages.
    const BYTES: usize = (3 << 20) + 7;
    let behaviour = Behaviour::PrintBytes(BYTES);
    let observed = observe(harness, harness.request("logs", &behaviour).await).await;

    let log = observed.log(1);
    assert_eq!(log.len(), BYTES);
    assert!(log == printed_bytes(BYTES), "the log has other bytes");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
