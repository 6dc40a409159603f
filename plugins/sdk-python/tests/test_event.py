from datetime import timedelta

from noetl_tool_sdk import (
    AttemptEnded,
    AttemptStarted,
    BackingOff,
    Explanation,
    JobEnd,
    JobEvent,
    JobFinished,
    JobStatus,
    JobWaiting,
    JobWarning,
    OtherEvent,
)
from noetl_tool_sdk.event import event_of

SECOND = timedelta(seconds=1)


def event(kind: str, **details: str) -> JobEvent:
    return event_of(kind, 1, SECOND, {name.replace("_", "-"): text for name, text in details.items()})


def test_reads_each_kind_of_event() -> None:
    why = Explanation("ScriptError", "it failed", "fix it", "script")
    assert event("waiting", reason="Queued", message="m") == JobWaiting(
        elapsed=SECOND, attempt=1, reason="Queued", message="m"
    )
    assert event("attempt-started", pod="p") == AttemptStarted(elapsed=SECOND, attempt=1, pod="p")
    ended = event(
        "attempt-ended",
        exit_code="3",
        reason="ScriptError",
        message="it failed",
        hint="fix it",
        field="script",
        duration_ms="1500",
    )
    assert ended == AttemptEnded(
        elapsed=SECOND, attempt=1, exit_code=3, duration=timedelta(seconds=1.5), explanation=why
    )
    assert event("backing-off", wait_ms="1000") == BackingOff(elapsed=SECOND, attempt=1, wait=SECOND)
    assert event("warning", message="m") == JobWarning(elapsed=SECOND, attempt=1, message="m")
    end = JobEnd(JobStatus.TIMED_OUT, 0, 2, Explanation("DeadlineExceeded"))
    finished = event("finished", status="timed-out", succeeded="0", failed="2", reason="DeadlineExceeded")
    assert finished == JobFinished(elapsed=SECOND, attempt=1, end=end)


def test_keeps_a_kind_that_it_does_not_know() -> None:
    assert event("resized", to="2Gi") == OtherEvent(elapsed=SECOND, attempt=1, kind="resized", details={"to": "2Gi"})


def test_takes_an_unknown_verdict_for_a_failure() -> None:
    finished = event("finished", status="evaporated", failed="many")
    assert isinstance(finished, JobFinished)
    assert finished.end == JobEnd(JobStatus.FAILED)
