"""Jobs, and waiting for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING

from .capability import Capability, Declaration
from .error import Code, ToolError
from .event import JobFinished
from .values import U64_MAX, milliseconds, text, unsigned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .event import JobEnd, JobEvent
    from .log import LogExcerpt, LogPage, LogRecord

LONG_WAIT = timedelta(hours=1)
"""How long the host may wait for one event or line. It may return earlier, so this only determines how often a job
without any wakes its tool."""
PAGE_RECORDS = 256
"""The records that `Job.logs` reads at once: with 16 KiB each they fit in a message between tool and host."""
EXCERPT_BYTES = 64 << 10
"""The size of an excerpt by default."""


class Job(ABC):
    """A program that runs isolated from the tool.

    It is cancelled when the call ends; dropping this handle alone does not cancel it.
    """

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration

    @property
    @abstractmethod
    def name(self) -> str:
        """The job's name."""

    @property
    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """Its metadata: `namespace`, `uid`, `adopted` (`true` if it was already running), `engine`."""

    def watch(self, max_wait: timedelta) -> JobEvent | None:
        """Returns the next event, each once and in order.

        None if nothing happened within `max_wait`, or if the job has finished. Most tools use `events`.

        Errors: `EngineUnavailable`.
        """
        return self._watch(milliseconds(max_wait))

    def events(self) -> Iterator[JobEvent]:
        """Iterates over every event until the job has finished, waiting for each as long as it takes.

        The last one is a `JobFinished`.

        Errors: `EngineUnavailable`.
        """
        while True:
            event = self.watch(LONG_WAIT)
            if event is not None:
                yield event
            if isinstance(event, JobFinished):
                return

    def wait(self) -> JobEnd:
        """Waits until the job has finished, and returns how it ended.

        Errors: `EngineUnavailable`.
        """
        for event in self.events():
            if isinstance(event, JobFinished):
                return event.end
        raise ToolError(Code.INTERNAL, "the events of the job ended without its end")

    def cancel(self, reason: str) -> None:
        """Ends the job and blocks until nothing of it runs; a `JobFinished` follows.

        Errors: `EngineUnavailable`.
        """
        self._cancel(text("reason", reason))

    def logs(self) -> Iterator[LogRecord]:
        """Iterates over every line, waiting for each as long as it takes, until the job has finished."""
        cursor = 0
        while True:
            page = self.read_logs(cursor, PAGE_RECORDS, LONG_WAIT)
            yield from page.records
            if page.ended:
                return
            cursor = page.next_cursor

    def read_logs(self, cursor: int, max_records: int, max_wait: timedelta) -> LogPage:
        """Returns at most `max_records` lines starting at `cursor`; 0 is the first.

        Blocks for at most `max_wait` while there is none.

        Errors: `InvalidRequest` (a cursor that is not from a page).
        """
        self._declaration.require(Capability.LOGS, "read_logs")
        cursor = unsigned("cursor", cursor, U64_MAX)
        return self._read_logs(cursor, unsigned("number of records", max_records), milliseconds(max_wait))

    def read_excerpt(self, attempt: int = 1, max_bytes: int = EXCERPT_BYTES) -> LogExcerpt:
        """Returns the beginning and the end of what an attempt has written so far, together at most `max_bytes`.

        Errors: `TooLarge`.
        """
        self._declaration.require(Capability.LOGS, "read_excerpt")
        return self._read_excerpt(unsigned("attempt", attempt), unsigned("number of bytes", max_bytes))

    @abstractmethod
    def _watch(self, max_wait_ms: int) -> JobEvent | None: ...

    @abstractmethod
    def _cancel(self, reason: str) -> None: ...

    @abstractmethod
    def _read_logs(self, cursor: int, max_records: int, max_wait_ms: int) -> LogPage: ...

    @abstractmethod
    def _read_excerpt(self, attempt: int, max_bytes: int) -> LogExcerpt: ...
