"""A host for tests, which follows a script and records all requests.

A tool's decisions are tested with it by pytest, without a component, an engine or a cluster. It runs nothing and waits
for nothing.
"""

from .calls import (
    Call,
    Cancel,
    CreateJob,
    CreateObject,
    CreateSecret,
    FetchObject,
    Log,
    ReadExcerpt,
    ReadLogs,
    Report,
    WatchJob,
)
from .exposure import SEALED
from .handles import MockJobHandle, MockObject, MockSecret
from .host import MockHost
from .job import MockAttempt, MockJob

__all__ = [
    "SEALED",
    "Call",
    "Cancel",
    "CreateJob",
    "CreateObject",
    "CreateSecret",
    "FetchObject",
    "Log",
    "MockAttempt",
    "MockHost",
    "MockJob",
    "MockJobHandle",
    "MockObject",
    "MockSecret",
    "ReadExcerpt",
    "ReadLogs",
    "Report",
    "WatchJob",
]
