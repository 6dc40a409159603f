"""Objects, secrets and jobs of the mock host."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING

from ..error import Code, ToolError
from ..event import Explanation, JobEnd, JobEvent, JobFinished, JobStatus
from ..host import Object
from ..job import Job
from ..log import LogExcerpt, LogPage, LogRecord
from ..secret import Secret, SecretEntry
from ..values import U64_MAX, unsigned
from .calls import Cancel, Journal, ReadExcerpt, ReadLogs, WatchJob

if TYPE_CHECKING:
    from ..capability import Declaration
    from .job import MockJob


class MockObject(Object):
    """Bytes that the mock host holds."""

    def __init__(self, content: bytes, uri: str | None = None) -> None:
        self.content = content
        self.uri = uri

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    @property
    def metadata(self) -> dict[str, str]:
        metadata = {"sha256": hashlib.sha256(self.content).hexdigest()}
        return metadata if self.uri is None else {**metadata, "uri": self.uri}

    def read(self, offset: int, max_bytes: int) -> bytes:
        offset = unsigned("offset", offset, U64_MAX)
        return self.content[offset : offset + unsigned("number of bytes", max_bytes)]


class MockSecret(Secret):
    """Named values that the mock host keeps."""

    def __init__(self, entries: list[SecretEntry]) -> None:
        self.entries = entries

    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]


class MockJobHandle(Job):
    """A job of the mock host."""

    def __init__(self, declaration: Declaration, name: str, job: MockJob, journal: Journal) -> None:
        super().__init__(declaration)
        self._name = name
        self._adopted = job.adopted
        self._outputs = job.outputs()
        self._events: deque[JobEvent] = job.events()
        self._last: JobEvent | None = None
        self._journal = journal

    @property
    def name(self) -> str:
        return self._name

    @property
    def metadata(self) -> dict[str, str]:
        return {"engine": "mock", "adopted": str(self._adopted).lower()}

    def _watch(self, max_wait_ms: int) -> JobEvent | None:
        self._journal.record(WatchJob())
        if isinstance(self._last, JobFinished):
            return None
        if not self._events:
            # A real host would wait here, and the test would wait forever.
            raise ToolError(Code.TIMEOUT, "the job never ends: cancel it, or remove `never_ends`")
        self._last = self._events.popleft()
        return self._last

    def _cancel(self, reason: str) -> None:
        self._journal.record(Cancel(reason))
        if isinstance(self._last, JobFinished):
            return
        end = JobEnd(JobStatus.CANCELLED, explanation=Explanation(Code.CANCELLED, reason))
        event = JobFinished(end=end) if self._last is None else JobFinished(elapsed=self._last.elapsed, end=end)
        self._events = deque([event])

    def _read_logs(self, cursor: int, max_records: int, max_wait_ms: int) -> LogPage:
        self._journal.record(ReadLogs(cursor))
        records = [
            LogRecord(attempt, line)
            for attempt, output in self._outputs.items()
            for line in output.removesuffix("\n").split("\n")
            if output
        ]
        if cursor > len(records):
            message = f"invalid cursor `{cursor}`: expected the cursor of a page"
            raise ToolError(Code.INVALID_REQUEST, message)
        page = records[cursor : cursor + max_records]
        next_cursor = cursor + len(page)
        return LogPage(page, next_cursor, ended=next_cursor == len(records))

    def _read_excerpt(self, attempt: int, max_bytes: int) -> LogExcerpt:
        self._journal.record(ReadExcerpt(attempt, max_bytes))
        output = self._outputs.get(attempt, "").encode()
        if len(output) <= max_bytes:
            return LogExcerpt(output.decode(), total_bytes=len(output))
        # A character that a cut divides is left out.
        head = output[: max_bytes // 2].decode(errors="ignore")
        tail = output[len(output) - (max_bytes - max_bytes // 2) :].decode(errors="ignore")
        omitted = len(output) - len(head.encode()) - len(tail.encode())
        return LogExcerpt(head, tail, len(output), omitted, "/mock/log")
