"""The capabilities of the host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from .capability import Capability, Declaration
from .error import Code, ToolError
from .values import as_json, milliseconds, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .job import Job
    from .log import Level
    from .secret import Secret, SecretEntry

READ_BYTES = 1 << 20
"""How much `Object.read_all` reads at once: a message between tool and host may have 8 MiB."""


class Host(ABC):
    """The capabilities of the host.

    As a component a tool calls the host with it; in its tests it is a `noetl_tool_sdk.mock.MockHost`. Every method
    raises `ToolError`, with the code `Denied` if the tool does not declare the capability.
    """

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration

    def fetch_object(self, uri: str, *, timeout: timedelta | None = None, **options: object) -> Object:
        """Fetches the whole object at `uri` and verifies it. Blocks until then.

        Options are written with `_` instead of `-`, and an option with the value None is left out: `type` (`file`,
        `gcs`, `s3` or `http`), `auth` (the name of a credential, which the configuration or the tool's grants must
        name), `sha256` (the digest that the bytes must have), `region`, `endpoint`, `method`, `headers`, `max_bytes`.
        The host rejects an option that it does not know or that does not apply.

        Errors: `Denied`, `FetchNotFound`, `FetchDenied`, `FetchFailed`, `TooLarge`, `ChecksumMismatch`, `Timeout`,
        `Unsupported`, `InvalidRequest`.
        """
        self._declaration.require(Capability.OBJECTS, "fetch_object")
        named = {name.replace("_", "-"): value for name, value in options.items() if value is not None}
        if timeout is not None:
            named["timeout-ms"] = milliseconds(timeout)
        return self._fetch_object(text("uri", uri), _pairs(named))

    def create_object(self, content: bytes | str) -> Object:
        """Creates an object of bytes of the tool; a string becomes UTF-8.

        Errors: `TooLarge`.
        """
        self._declaration.require(Capability.OBJECTS, "create_object")
        return self._create_object(content.encode() if isinstance(content, str) else bytes(content))

    def create_secret(self, entries: Iterable[SecretEntry]) -> Secret:
        """Creates a secret, whose entries become environment variables of the job that it is passed to.

        Nothing is opened before that.

        Errors: `InvalidRequest` (an invalid or repeated name), `TooLarge`.
        """
        self._declaration.require(Capability.SECRETS, "create_secret")
        checked = list(entries)
        for entry in checked:
            text("name of a secret", entry.name)
            text("value of a secret", entry.value)
        return self._create_secret(checked)

    def create_job(self, spec: JobSpec) -> Job:
        """Creates the job, or adopts the running job of that name with the same specification.

        Errors: `Conflict`, `InvalidRequest`, `Unsupported`, `InterpreterMissing`, `SecretInSpec`, `EngineUnavailable`,
        `Denied`, `Quota`, `TooLarge`.
        """
        self._declaration.require(Capability.JOBS, "create_job")
        text("name of a job", spec.name)
        if spec.script is not None:
            text("name of a file", spec.script[0])
        return self._create_job(spec, _pairs(spec.all_options()))

    def report(self, stage: str, message: str = "", details: Mapping[str, str] | None = None) -> None:
        """Reports to the caller that the work has reached `stage`, a short name such as `fetching`.

        Events of jobs need not be reported: the host reports those itself.
        """
        self._declaration.require(Capability.PROGRESS, "report")
        pairs = [(text("detail", name), text(f"detail `{name}`", value)) for name, value in (details or {}).items()]
        self._report(text("stage", stage), text("message", message), pairs)

    def log(self, level: Level, message: str) -> None:
        """Writes a line to the host's log."""
        self._declaration.require(Capability.PROGRESS, "log")
        self._log(str(level), text("message", message))

    @abstractmethod
    def _fetch_object(self, uri: str, options: list[tuple[str, str]]) -> Object: ...

    @abstractmethod
    def _create_object(self, content: bytes) -> Object: ...

    @abstractmethod
    def _create_secret(self, entries: list[SecretEntry]) -> Secret: ...

    @abstractmethod
    def _create_job(self, spec: JobSpec, options: list[tuple[str, str]]) -> Job: ...

    @abstractmethod
    def _report(self, stage: str, message: str, details: list[tuple[str, str]]) -> None: ...

    @abstractmethod
    def _log(self, level: str, message: str) -> None: ...


class Object(ABC):
    """Immutable bytes that the host holds. They can be passed to a job without entering the tool."""

    @property
    @abstractmethod
    def size_bytes(self) -> int:
        """The size in bytes."""

    @property
    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """Its metadata: always `sha256`; `uri`, `etag` and `version` if there is one."""

    @abstractmethod
    def read(self, offset: int, max_bytes: int) -> bytes:
        """Returns a copy of at most `max_bytes` bytes starting at `offset`; empty past the end.

        In fetched objects, each byte of a secret that the host knows is replaced with `*`. A job gets the original
        bytes.

        Errors: `TooLarge`.
        """

    def read_all(self, max_bytes: int) -> bytes:
        """Returns all bytes, if they are at most `max_bytes`.

        Errors: `TooLarge`.
        """
        if self.size_bytes > max_bytes:
            message = f"the object has {self.size_bytes} bytes; at most {max_bytes} are allowed"
            raise ToolError(Code.TOO_LARGE, message)
        return b"".join(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        offset = 0
        while chunk := self.read(offset, READ_BYTES):
            offset += len(chunk)
            yield chunk


@dataclass(kw_only=True)
class JobSpec:
    """Specification of a job. Nothing happens until it is passed to `Host.create_job`.

    The environment of the program contains the entries of its secret, and `NOETL_SCRIPT`, the path of the script.
    `NOETL_ARGS` is the secret's entry of that name, or `@` and the path of a file if the entry is too long for an
    argument.
    """

    name: str = field(kw_only=False)
    """The name, which identifies the job: a DNS label of at most 52 characters."""
    command: Sequence[str] | None = None
    """The program and its arguments. `$(NAME)` is replaced by the environment variable once, `$$` is a plain `$`."""
    image: str | None = None
    """The container image, if the engine has them."""
    script: tuple[str, Object] | None = None
    """The script: the name of its file (no path), which is written before the program starts, and its content."""
    environment: Secret | None = None
    """The environment: each entry of the secret becomes a variable."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Any options of a Kubernetes Job by their names, such as `backoffLimit` or `resources`."""

    def all_options(self) -> dict[str, object]:
        """Returns every option by its name."""
        options = dict(self.options)
        if self.command is not None:
            # A string is a sequence of strings too, of its characters.
            options["command"] = self.command if isinstance(self.command, str) else list(self.command)
        if self.image is not None:
            options["image"] = self.image
        return options


def _pairs(options: Mapping[str, object]) -> list[tuple[str, str]]:
    """Returns options as names with JSON values, as the host takes them."""
    return [(name, _as_json(name, value)) for name, value in options.items()]


def _as_json(name: str, value: object) -> str:
    try:
        return as_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"option `{name}` cannot be written as JSON: {error}"
        raise ToolError(Code.INVALID_REQUEST, message) from error
