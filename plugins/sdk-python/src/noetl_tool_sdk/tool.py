"""Tools, which playbooks call by their kind."""

from __future__ import annotations

import dataclasses
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args, get_origin

from .capability import Capability
from .error import Code, ToolError
from .event import JobStatus
from .types import config_schema, parse_config
from .values import as_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from .host import Host

ConfigT = TypeVar("ConfigT")

MAX_KIND_BYTES = 63
"""The maximum length of a kind: it becomes part of labels."""
MAX_SUMMARY_BYTES = 500
"""The maximum length of a summary, which is shown in a row of a table."""
_KIND = re.compile(r"[a-z][a-z0-9_-]*")
_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)


@dataclass(frozen=True)
class Fields:
    """A tool's keys for the values of its requests.

    An error of the host then names the key that the user wrote, and not the option of the request. Each maps the path
    of a value in the request (`image`, `environment`) to the path of the key (`job.image`). An empty path stands for
    all values that no other path is for, and as a key for that of the same path: `{"": ""}` is for a tool whose keys
    are those of the request. Hints that name a value without a key are left out.
    """

    objects: Mapping[str, str] = field(default_factory=dict)
    """Keys for `uri` and the options of `Host.fetch_object`."""
    jobs: Mapping[str, str] = field(default_factory=dict)
    """Keys for the options of `Host.create_job`, the `script` and the variables of the `environment`, of which
    `environment.NOETL_ARGS` are the arguments."""


class Status(StrEnum):
    """How a tool's work ended: the key `status` of its outcome."""

    COMPLETED = "completed"
    """It was done."""
    FAILED = "failed"
    """It could not be done."""
    CANCELLED = "cancelled"
    """It was cancelled."""
    TIMEOUT = "timeout"
    """It exceeded its time limit."""

    @classmethod
    def of(cls, status: JobStatus) -> Status:
        """Returns the status of work that is one job."""
        return _STATUS_OF[status]


_STATUS_OF = {
    JobStatus.SUCCEEDED: Status.COMPLETED,
    JobStatus.FAILED: Status.FAILED,
    JobStatus.TIMED_OUT: Status.TIMEOUT,
    JobStatus.CANCELLED: Status.CANCELLED,
}


@dataclass(frozen=True)
class Context:
    """The context of a call."""

    entries: Mapping[str, str] = field(default_factory=dict)
    """Every entry by its name; names may be added."""

    @property
    def execution_id(self) -> str | None:
        """The execution that the call belongs to."""
        return self.entries.get("execution-id")

    @property
    def step(self) -> str | None:
        """The step that the call executes."""
        return self.entries.get("step")

    @property
    def engine(self) -> str | None:
        """The engine that runs jobs, such as `local` or `kubernetes`."""
        return self.entries.get("engine")


class Tool(ABC, Generic[ConfigT]):
    """A tool, which playbooks call by its kind: a subclass of `Tool[Config]`, where `Config` is a dataclass.

    `Config` is the configuration: the keys under `tool` in the playbook, except `kind`. The JSON Schema that is derived
    from it is checked before `run`, and errors are reported with their line.
    """

    kind: ClassVar[str]
    """The name that playbooks use."""
    version: ClassVar[str]
    """Its semantic version."""
    summary: ClassVar[str]
    """What it does, in one sentence."""
    capabilities: ClassVar[tuple[Capability, ...]] = ()
    """The capabilities that it requests."""
    fields: ClassVar[Fields] = Fields()
    """Its keys for the values of its requests."""

    @abstractmethod
    def run(self, host: Host, config: ConfigT, context: Context) -> Mapping[str, Any] | DataclassInstance:
        """Does the work once, and returns the outcome: an object with a key `status`, see `Status`.

        Raise `ToolError` if the tool could not do it, such as for an invalid configuration or a capability that failed.
        Work that was done and failed is an outcome.
        """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _check(cls, "kind", lambda kind: _KIND.fullmatch(kind) and len(kind) <= MAX_KIND_BYTES, KIND_EXPECTED)
        _check(cls, "version", _VERSION.fullmatch, "a semantic version such as `0.1.0`")
        expected = f"at most {MAX_SUMMARY_BYTES} bytes"
        _check(cls, "summary", lambda summary: len(summary.encode()) <= MAX_SUMMARY_BYTES, expected)
        for capability in cls.capabilities:
            if not isinstance(capability, Capability):
                raise TypeError(f"invalid capability `{capability}` of `{cls.__name__}`: expected a `Capability`")


KIND_EXPECTED = f"at most {MAX_KIND_BYTES} lowercase letters, digits, `-` and `_`, starting with a letter"


def config_type(tool: type[Tool[Any]]) -> type:
    """Returns the dataclass that is the tool's configuration."""
    for cls in tool.__mro__:
        for base in getattr(cls, "__orig_bases__", ()):
            if get_origin(base) is Tool:
                (config,) = get_args(base)
                if isinstance(config, type) and dataclasses.is_dataclass(config):
                    return config
    raise TypeError(f"invalid base of `{tool.__name__}`: expected `Tool[Config]`, where `Config` is a dataclass")


def describe(tool: type[Tool[Any]]) -> str:
    """Returns the description of the tool, as the JSON object that the host expects."""
    for name in ("kind", "version", "summary"):
        if not hasattr(tool, name):
            raise TypeError(f"missing `{name}` of `{tool.__name__}`")
    description = {
        "kind": tool.kind,
        "version": tool.version,
        "summary": tool.summary,
        "schema": config_schema(config_type(tool)),
        "capabilities": tool.capabilities,
        "fields": tool.fields,
    }
    return as_json(description)


def invoke(tool: type[Tool[Any]], host: Host, config: str, context: Context) -> str:
    """Runs the tool on a configuration in JSON, and returns its outcome in JSON.

    Raises `ToolError` if the configuration or the outcome is invalid, and whatever the tool raises.
    """
    parsed = parse_config(config_type(tool), json.loads(config))
    outcome = tool().run(host, parsed, context)
    try:
        text = as_json(outcome)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(Code.INVALID_OUTCOME, f"the outcome of `{tool.kind}` is not JSON: {error}") from error
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("status") not in list(Status):
        expected = "expected an object with a `status` of completed, failed, cancelled or timeout"
        raise ToolError(Code.INVALID_OUTCOME, f"invalid outcome of `{tool.kind}`: {expected}")
    return text


def _check(cls: type, name: str, is_valid: Any, expected: str) -> None:
    """Checks a name that the class itself sets: one that cannot be loaded is reported when it is imported."""
    value = cls.__dict__.get(name)
    if value is None:
        return
    if not isinstance(value, str) or not is_valid(value):
        raise ValueError(f"invalid {name} `{value}` of `{cls.__name__}`: expected {expected}")
