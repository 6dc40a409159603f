"""Requests of a tool to the mock host, as it records them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ..error import ToolError
    from ..secret import SecretEntry


@dataclass(frozen=True)
class Call:
    """A request: one of the classes below, which also name the operations."""


@dataclass(frozen=True)
class FetchObject(Call):
    """`Host.fetch_object`, with the options as the host gets them."""

    uri: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CreateObject(Call):
    """`Host.create_object`."""

    content: bytes


@dataclass(frozen=True)
class CreateSecret(Call):
    """`Host.create_secret`."""

    entries: list[SecretEntry]


@dataclass(frozen=True)
class CreateJob(Call):
    """`Host.create_job`, with the options as the host gets them, the content of the script and the environment."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    script: tuple[str, bytes] | None = None
    environment: list[SecretEntry] = field(default_factory=list)


@dataclass(frozen=True)
class WatchJob(Call):
    """`Job.watch`, and everything that waits for events."""


@dataclass(frozen=True)
class Cancel(Call):
    """`Job.cancel`."""

    reason: str


@dataclass(frozen=True)
class ReadLogs(Call):
    """`Job.read_logs`, and `Job.logs` for each page."""

    cursor: int


@dataclass(frozen=True)
class ReadExcerpt(Call):
    """`Job.read_excerpt`."""

    attempt: int
    max_bytes: int


@dataclass(frozen=True)
class Report(Call):
    """`Host.report`."""

    stage: str
    message: str = ""
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Log(Call):
    """`Host.log`."""

    level: str
    message: str


CallT = TypeVar("CallT", bound=Call)


class Journal:
    """The recorded requests, and the requests to fail."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.failures: list[tuple[type[Call], ToolError]] = []

    def record(self, call: Call) -> None:
        """Records a request, and raises the next error for its operation."""
        self.calls.append(call)
        for failure in self.failures:
            if failure[0] is type(call):
                self.failures.remove(failure)
                raise failure[1]
