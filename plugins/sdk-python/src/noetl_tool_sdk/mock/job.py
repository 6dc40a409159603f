"""The fates of jobs."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ..error import Code
from ..event import (
    AttemptEnded,
    AttemptStarted,
    BackingOff,
    Explanation,
    JobEnd,
    JobEvent,
    JobFinished,
    JobStatus,
)

FIRST_BACK_OFF = timedelta(seconds=10)
"""How long the first retry waits, as a Kubernetes Job does; each later one waits twice as long."""


@dataclass(frozen=True)
class MockAttempt:
    """The fate of one attempt."""

    ended: AttemptEnded
    """How it ends; the host sets its time and number."""
    output: str = ""
    """What it writes."""

    @classmethod
    def exits(cls, exit_code: int, output: str = "") -> MockAttempt:
        """Returns an attempt that exits with this code after a second."""
        explanation = Explanation()
        if exit_code != 0:
            explanation = Explanation(Code.SCRIPT_ERROR, f"the script exited with code {exit_code}")
        duration = timedelta(seconds=1)
        return cls(AttemptEnded(exit_code=exit_code, duration=duration, explanation=explanation), output)

    @property
    def succeeded(self) -> bool:
        """Whether it succeeded."""
        return self.ended.exit_code == 0 and self.ended.explanation.reason is None


@dataclass(frozen=True)
class MockJob:
    """The fate of a job. It succeeds if its last attempt does."""

    attempts: Sequence[MockAttempt] = ()
    """Its attempts."""
    before: Sequence[JobEvent] = ()
    """Events before the first attempt, such as a `JobWarning`; the host sets their time."""
    end: JobEnd | None = None
    """How it ends, instead of what follows from its attempts."""
    never_ends: bool = field(default=False, kw_only=True)
    """Whether it runs until it is cancelled: its last attempt is started and never ends."""
    adopted: bool = field(default=False, kw_only=True)
    """Whether it was already running."""

    @classmethod
    def succeeds(cls, output: str = "") -> MockJob:
        """Returns a job whose first attempt writes `output` and exits with 0."""
        return cls([MockAttempt.exits(0, output)])

    @classmethod
    def fails(cls, exit_code: int = 1, output: str = "") -> MockJob:
        """Returns a job whose only attempt writes `output` and exits with another code than 0."""
        return cls([MockAttempt.exits(exit_code, output)])

    def outputs(self) -> dict[int, str]:
        """Returns the output of each attempt, by its number."""
        return {number: attempt.output for number, attempt in enumerate(self.attempts, 1)}

    def events(self) -> deque[JobEvent]:
        """Returns everything that happens, in order."""
        events: deque[JobEvent] = deque()
        elapsed, wait = timedelta(), FIRST_BACK_OFF
        for event in self.before:
            events.append(replace(event, elapsed=elapsed))
        for number, attempt in enumerate(self.attempts, 1):
            events.append(AttemptStarted(elapsed=elapsed, attempt=number, pod=f"pod-{number}"))
            is_last = number == len(self.attempts)
            if is_last and self.never_ends:
                return events
            elapsed += attempt.ended.duration
            events.append(replace(attempt.ended, elapsed=elapsed, attempt=number))
            if not is_last:
                events.append(BackingOff(elapsed=elapsed, wait=wait))
                elapsed += wait
                wait *= 2
        if not self.never_ends:
            events.append(JobFinished(elapsed=elapsed, end=self.end or self._natural_end()))
        return events

    def _natural_end(self) -> JobEnd:
        failed = sum(not attempt.succeeded for attempt in self.attempts)
        if self.attempts and self.attempts[-1].succeeded:
            return JobEnd(JobStatus.SUCCEEDED, 1, failed)
        explanation = Explanation(Code.BACKOFF_LIMIT_EXCEEDED, f"{failed} attempts failed")
        return JobEnd(JobStatus.FAILED, 0, failed, explanation)
