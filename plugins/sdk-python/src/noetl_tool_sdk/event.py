"""What happens to a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class JobStatus(StrEnum):
    """The verdict on a job."""

    SUCCEEDED = "succeeded"
    """An attempt succeeded."""
    FAILED = "failed"
    """It failed permanently, or ended in a way that this version of the SDK does not know."""
    TIMED_OUT = "timed-out"
    """It was ended at its deadline."""
    CANCELLED = "cancelled"
    """It was cancelled."""


@dataclass(frozen=True)
class Explanation:
    """Why something failed, and what to do about it; empty if it did not fail."""

    reason: str | None = None
    """The reason, one word in `PascalCase` from an open set; see `Code`."""
    message: str | None = None
    """One sentence that names the culprit, without secrets."""
    hint: str | None = None
    """How to fix it."""
    field: str | None = None
    """The path of the configuration value to change."""


@dataclass(frozen=True)
class JobEnd:
    """How a job ended."""

    status: JobStatus
    """The verdict."""
    succeeded: int = 0
    """Attempts that succeeded: 0 or 1."""
    failed: int = 0
    """Attempts that failed."""
    explanation: Explanation = Explanation()
    """Why the job as a whole failed; empty if it succeeded."""


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """Something that happened to a job: one of the classes below."""

    elapsed: timedelta = timedelta()
    """Time since the job was created, by the engine's clock."""
    attempt: int = 0
    """The attempt that it belongs to, from 1; 0 for the job as a whole."""


@dataclass(frozen=True, kw_only=True)
class JobWaiting(JobEvent):
    """The job cannot start yet."""

    reason: str = ""
    """A word for the cause, such as `Unschedulable`."""
    message: str = ""
    """A sentence about it."""


@dataclass(frozen=True, kw_only=True)
class AttemptStarted(JobEvent):
    """A program was started."""

    pod: str | None = None
    """The name of the pod, or its equivalent."""


@dataclass(frozen=True, kw_only=True)
class AttemptEnded(JobEvent):
    """A program ended."""

    exit_code: int | None = None
    """The exit code, if the program exited."""
    signal: int | None = None
    """The signal that ended it, if one did."""
    duration: timedelta = timedelta()
    """How long it ran."""
    explanation: Explanation = Explanation()
    """Why it failed; empty if it succeeded."""


@dataclass(frozen=True, kw_only=True)
class BackingOff(JobEvent):
    """The next attempt follows after a delay."""

    wait: timedelta = timedelta()
    """The delay."""


@dataclass(frozen=True, kw_only=True)
class JobWarning(JobEvent):
    """A warning for the user."""

    message: str = ""
    """A sentence about it."""


@dataclass(frozen=True, kw_only=True)
class JobFinished(JobEvent):
    """The job has finished, and no event follows."""

    end: JobEnd
    """How it ended."""


@dataclass(frozen=True, kw_only=True)
class OtherEvent(JobEvent):
    """An event that this version of the SDK does not know. Ignore it."""

    kind: str
    """The name of its kind."""
    details: Mapping[str, str] = field(default_factory=dict)
    """Its details."""


def event_of(kind: str, attempt: int, elapsed: timedelta, details: Mapping[str, str]) -> JobEvent:
    """Returns the event of this kind, with its details as the host reports them.

    A missing or invalid detail gets the most conservative default, since a host of another version may report less or
    more.
    """
    get = details.get
    match kind:
        case "waiting":
            event: JobEvent = JobWaiting(
                elapsed=elapsed,
                attempt=attempt,
                reason=get("reason", ""),
                message=get("message", ""),
            )
        case "attempt-started":
            event = AttemptStarted(elapsed=elapsed, attempt=attempt, pod=get("pod"))
        case "attempt-ended":
            event = AttemptEnded(
                elapsed=elapsed,
                attempt=attempt,
                exit_code=_integer(get("exit-code")),
                signal=_integer(get("signal")),
                duration=_milliseconds(get("duration-ms")),
                explanation=_explanation(details),
            )
        case "backing-off":
            wait = _milliseconds(get("wait-ms"))
            event = BackingOff(elapsed=elapsed, attempt=attempt, wait=wait)
        case "warning":
            event = JobWarning(elapsed=elapsed, attempt=attempt, message=get("message", ""))
        case "finished":
            end = JobEnd(
                _status(get("status")),
                _integer(get("succeeded")) or 0,
                _integer(get("failed")) or 0,
                _explanation(details),
            )
            event = JobFinished(elapsed=elapsed, attempt=attempt, end=end)
        case _:
            event = OtherEvent(elapsed=elapsed, attempt=attempt, kind=kind, details=dict(details))
    return event


def _explanation(details: Mapping[str, str]) -> Explanation:
    get = details.get
    return Explanation(get("reason"), get("message"), get("hint"), get("field"))


def _status(text: str | None) -> JobStatus:
    try:
        return JobStatus(text or "")
    except ValueError:
        return JobStatus.FAILED


def _integer(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


def _milliseconds(text: str | None) -> timedelta:
    return timedelta(milliseconds=_integer(text) or 0)
