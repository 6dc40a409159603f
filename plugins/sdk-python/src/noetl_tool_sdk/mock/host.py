"""The mock host."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from ..capability import Declaration
from ..error import Code, ToolError
from ..host import Host, JobSpec
from ..tool import Context, Tool, invoke
from .calls import (
    Call,
    CallT,
    CreateJob,
    CreateObject,
    CreateSecret,
    FetchObject,
    Journal,
    Log,
    Report,
)
from .exposure import check_exposure
from .handles import MockJobHandle, MockObject, MockSecret
from .job import MockJob
from .names import check_file_name, check_job_name, check_variable_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..secret import SecretEntry

HandleT = TypeVar("HandleT")

CONTEXT = {"execution-id": "1", "step": "example", "engine": "mock"}
"""The context of calls by default."""


class MockHost(Host):
    """A scripted host: objects by their URI, the fates of jobs, and errors to raise.

    Any other URI is `FetchNotFound`, and any further job succeeds without output. Sealed references, such as `SEALED`,
    are plain strings; as on a real host, a job may only have them in its environment, and not expand them in its
    command.
    """

    def __init__(
        self,
        *,
        objects: Mapping[str, bytes | str] | None = None,
        jobs: Iterable[MockJob] = (),
        context: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(Declaration())
        self._objects = {uri: _bytes(content) for uri, content in (objects or {}).items()}
        self._jobs = deque(jobs)
        self._context = Context(dict(CONTEXT if context is None else context))
        self._journal = Journal()

    def fails(self, operation: type[Call], error: ToolError) -> MockHost:
        """Fails the next such operation with an error, and returns the host."""
        self._journal.failures.append((operation, error))
        return self

    def call(self, tool: type[Tool[Any]], config: Mapping[str, Any]) -> dict[str, Any]:
        """Calls the tool as a host does, and returns its outcome.

        The configuration is passed as JSON, and the tool can only use the capabilities that it declares. Raises the
        tool's `ToolError`, and any exception that the tool does not catch.
        """
        self._declaration.capabilities = tool.capabilities
        outcome: dict[str, Any] = json.loads(invoke(tool, self, json.dumps(config), self._context))
        return outcome

    @property
    def calls(self) -> list[Call]:
        """The requests so far, in order."""
        return list(self._journal.calls)

    def calls_of(self, operation: type[CallT]) -> list[CallT]:
        """Returns the requests so far of one operation."""
        return [call for call in self._journal.calls if isinstance(call, operation)]

    def _fetch_object(self, uri: str, options: list[tuple[str, str]]) -> MockObject:
        parsed = _parsed(options)
        self._journal.record(FetchObject(uri, parsed))
        if uri not in self._objects:
            raise ToolError(Code.FETCH_NOT_FOUND, f"`{uri}` does not exist")
        found = MockObject(self._objects[uri], uri)
        if parsed.get("sha256", found.metadata["sha256"]) != found.metadata["sha256"]:
            raise ToolError(Code.CHECKSUM_MISMATCH, f"`{uri}` does not match the pinned digest")
        return found

    def _create_object(self, content: bytes) -> MockObject:
        self._journal.record(CreateObject(content))
        return MockObject(content)

    def _create_secret(self, entries: list[SecretEntry]) -> MockSecret:
        self._journal.record(CreateSecret(entries))
        names: set[str] = set()
        for entry in entries:
            check_variable_name(entry.name)
            if entry.name in names:
                raise ToolError(Code.INVALID_REQUEST, f"duplicate variable `{entry.name}`")
            names.add(entry.name)
        return MockSecret(entries)

    def _create_job(self, spec: JobSpec, options: list[tuple[str, str]]) -> MockJobHandle:
        script = None
        if spec.script is not None:
            file_name, content = spec.script
            script = (file_name, _own(content, MockObject).content)
        entries = [] if spec.environment is None else _own(spec.environment, MockSecret).entries
        self._journal.record(CreateJob(spec.name, _parsed(options), script, entries))
        if script is not None:
            check_file_name(script[0])
        check_job_name(spec.name)
        check_exposure(spec.name, options, entries)
        job = self._jobs.popleft() if self._jobs else MockJob.succeeds()
        return MockJobHandle(self._declaration, spec.name, job, self._journal)

    def _report(self, stage: str, message: str, details: list[tuple[str, str]]) -> None:
        self._journal.record(Report(stage, message, dict(details)))

    def _log(self, level: str, message: str) -> None:
        self._journal.record(Log(level, message))


def _own(handle: object, cls: type[HandleT]) -> HandleT:
    """Returns the handle if it is one of this host."""
    if not isinstance(handle, cls):
        raise TypeError(f"invalid handle: expected a `{cls.__name__}`, not `{type(handle).__name__}`")
    return handle


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _parsed(options: list[tuple[str, str]]) -> dict[str, Any]:
    return {name: json.loads(value) for name, value in options}
