"""The host behind the component's imports.

The interfaces are imported where they are called: a component only has those that its tool declares.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from componentize_py_types import Err
from wit_world.imports import types

from ..capability import Capability, Declaration
from ..error import ToolError
from ..event import JobEvent, event_of
from ..host import Host, JobSpec, Object
from ..job import Job
from ..log import LogExcerpt, LogPage, LogRecord
from ..secret import Secret, SecretEntry
from ..values import U64_MAX, unsigned

if TYPE_CHECKING:
    from wit_world.imports import jobs, objects, secrets


@contextmanager
def _errors() -> Iterator[None]:
    """Raises errors of the host as `ToolError`."""
    try:
        yield
    except Err as error:
        value = cast("types.Error", error.value)
        raise ToolError(value.code, value.message, retryable=value.retryable, details=_details(value.details)) from None


def _details(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Returns names with strings; the first of a name that there is twice."""
    return dict(reversed(pairs))


class ComponentHost(Host):
    """The host of a component."""

    def __init__(self, capabilities: Collection[Capability]) -> None:
        super().__init__(Declaration(capabilities))

    def _fetch_object(self, uri: str, options: list[tuple[str, str]]) -> Object:
        from wit_world.imports import objects

        with _errors():
            return ComponentObject(objects.fetch_object(uri, options))

    def _create_object(self, content: bytes) -> Object:
        from wit_world.imports import objects

        with _errors():
            return ComponentObject(objects.create_object(content))

    def _create_secret(self, entries: list[SecretEntry]) -> Secret:
        from wit_world.imports import secrets

        with _errors():
            converted = [secrets.SecretEntry(entry.name, entry.value, entry.format) for entry in entries]
            return ComponentSecret(secrets.create_secret(converted))

    def _create_job(self, spec: JobSpec, options: list[tuple[str, str]]) -> Job:
        from wit_world.imports import jobs

        with _errors():
            handle = jobs.JobSpec(spec.name)
            handle.set(options)
            if spec.script is not None:
                file_name, script = spec.script
                handle.set_script(file_name, cast("ComponentObject", script).handle)
            if spec.environment is not None:
                handle.set_environment(cast("ComponentSecret", spec.environment).handle)
            return ComponentJob(self._declaration, jobs.create_job(handle))

    def _report(self, stage: str, message: str, details: list[tuple[str, str]]) -> None:
        from wit_world.imports import progress

        progress.report(stage, message, details)

    def _log(self, level: str, message: str) -> None:
        from wit_world.imports import progress

        progress.log(level, message)


class ComponentObject(Object):
    """An object of the host."""

    def __init__(self, handle: objects.Object) -> None:
        self.handle = handle

    @property
    def size_bytes(self) -> int:
        return self.handle.size_bytes()

    @property
    def metadata(self) -> dict[str, str]:
        return _details(self.handle.metadata())

    def read(self, offset: int, max_bytes: int) -> bytes:
        offset = unsigned("offset", offset, U64_MAX)
        with _errors():
            return self.handle.read(offset, unsigned("number of bytes", max_bytes))


class ComponentSecret(Secret):
    """A secret of the host."""

    def __init__(self, handle: secrets.Secret) -> None:
        self.handle = handle

    def names(self) -> list[str]:
        return self.handle.names()


class ComponentJob(Job):
    """A job of the host."""

    def __init__(self, declaration: Declaration, handle: jobs.Job) -> None:
        super().__init__(declaration)
        self.handle = handle

    @property
    def name(self) -> str:
        return self.handle.name()

    @property
    def metadata(self) -> dict[str, str]:
        return _details(self.handle.metadata())

    def _watch(self, max_wait_ms: int) -> JobEvent | None:
        from wit_world.imports import jobs

        with _errors():
            event = jobs.watch_job(self.handle, max_wait_ms)
        if event is None:
            return None
        elapsed = timedelta(milliseconds=event.elapsed_ms)
        return event_of(event.kind, event.attempt, elapsed, _details(event.details))

    def _cancel(self, reason: str) -> None:
        from wit_world.imports import jobs

        with _errors():
            jobs.cancel(self.handle, reason)

    def _read_logs(self, cursor: int, max_records: int, max_wait_ms: int) -> LogPage:
        from wit_world.imports import logs

        with _errors():
            page = logs.read_logs(self.handle, cursor, max_records, max_wait_ms)
        records = [LogRecord(record.attempt, record.text, record.partial) for record in page.records]
        return LogPage(records, page.next_cursor, page.ended)

    def _read_excerpt(self, attempt: int, max_bytes: int) -> LogExcerpt:
        from wit_world.imports import logs

        with _errors():
            excerpt = logs.read_excerpt(self.handle, attempt, max_bytes)
        return LogExcerpt(excerpt.head, excerpt.tail, excerpt.total_bytes, excerpt.omitted_bytes, excerpt.location)
