"""Errors of capabilities and tools."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ToolError(Exception):
    """Why a capability, or the tool itself, could not do what was requested.

    `code` is one word in `PascalCase` from an open set, see `Code`; a tool may use codes of its own. `message` is one
    sentence for a person that names the culprit, without secrets. `retryable` is whether the same request may
    succeed later without a change. `details` has further texts by name.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        hint: str | None = None,
        field: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = str(code)
        self.message = message
        self.retryable = retryable
        self.details = dict(details or {})
        if hint is not None:
            self.details["hint"] = hint
        if field is not None:
            self.details["field"] = field

    @classmethod
    def invalid(cls, field: str, message: str, *, hint: str | None = None) -> ToolError:
        """Returns the error for an invalid configuration value; `field` is its path, such as `job.image`."""
        return cls(Code.INVALID_REQUEST, message, hint=hint, field=field or None)

    @property
    def hint(self) -> str | None:
        """How to fix it."""
        return self.details.get("hint")

    @property
    def field(self) -> str | None:
        """The path of the configuration value to change."""
        return self.details.get("field")

    def __repr__(self) -> str:
        return f"ToolError({self.code!r}, {self.message!r})"


class Code(StrEnum):
    """Codes of errors and reasons, as far as a tool has a reason to distinguish them or to use them itself."""

    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded"
    """Every attempt that `backoffLimit` permits has failed. The reasons of the attempts are more specific."""
    CANCELLED = "Cancelled"
    """The caller, or the tool, cancelled it."""
    CHECKSUM_MISMATCH = "ChecksumMismatch"
    """The object's bytes do not match the pinned digest."""
    CONFLICT = "Conflict"
    """Something else with that name exists."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The job exceeded its deadline."""
    DENIED = "Denied"
    """The tool was not granted this, or does not declare it."""
    ENGINE_UNAVAILABLE = "EngineUnavailable"
    """The engine does not respond."""
    FETCH_DENIED = "FetchDenied"
    """Reading the object, or its location, is not permitted."""
    FETCH_FAILED = "FetchFailed"
    """The object could not be read for another reason."""
    FETCH_NOT_FOUND = "FetchNotFound"
    """The object does not exist."""
    INTERNAL = "Internal"
    """The host failed in a way that is not the caller's fault."""
    INTERPRETER_MISSING = "InterpreterMissing"
    """The program that runs the script is unknown or not installed."""
    INVALID_OUTCOME = "InvalidOutcome"
    """The tool returned something other than an outcome. The SDK uses it, the host does not."""
    INVALID_REQUEST = "InvalidRequest"
    """The request, or the configuration, is invalid."""
    QUOTA = "Quota"
    """A quota of the engine is exhausted."""
    SCRIPT_ERROR = "ScriptError"
    """The program exited with a code other than 0."""
    SECRET_IN_SPEC = "SecretInSpec"
    """A secret is in the specification of the job, outside the environment."""
    TIMEOUT = "Timeout"
    """It took longer than its time limit."""
    TOO_LARGE = "TooLarge"
    """Something exceeds its limit."""
    UNCAUGHT_EXCEPTION = "UncaughtException"
    """The tool raised an exception other than `ToolError`. The SDK uses it, the host does not."""
    UNSUPPORTED = "Unsupported"
    """The host, or its engine, does not support this option or operation."""
