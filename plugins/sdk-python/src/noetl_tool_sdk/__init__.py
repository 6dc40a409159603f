"""Write tools for toolhost in Python.

A tool is a subclass of `Tool` with a dataclass for its configuration. It decides what to run; the host runs it, keeps
its secrets and collects its logs. `python -m noetl_tool_sdk build` makes a WebAssembly component of it, and
`noetl_tool_sdk.mock` has a host for its tests.
"""

from .capability import Capability
from .error import Code, ToolError
from .event import (
    AttemptEnded,
    AttemptStarted,
    BackingOff,
    Explanation,
    JobEnd,
    JobEvent,
    JobFinished,
    JobStatus,
    JobWaiting,
    JobWarning,
    OtherEvent,
)
from .host import Host, JobSpec, Object
from .job import Job
from .log import Level, LogExcerpt, LogPage, LogRecord
from .members import Key
from .secret import Secret, SecretEntry, is_variable_name
from .tool import Context, Fields, Status, Tool, describe, invoke

__all__ = [
    "AttemptEnded",
    "AttemptStarted",
    "BackingOff",
    "Capability",
    "Code",
    "Context",
    "Explanation",
    "Fields",
    "Host",
    "Job",
    "JobEnd",
    "JobEvent",
    "JobFinished",
    "JobSpec",
    "JobStatus",
    "JobWaiting",
    "JobWarning",
    "Key",
    "Level",
    "LogExcerpt",
    "LogPage",
    "LogRecord",
    "Object",
    "OtherEvent",
    "Secret",
    "SecretEntry",
    "Status",
    "Tool",
    "ToolError",
    "describe",
    "invoke",
    "is_variable_name",
]
