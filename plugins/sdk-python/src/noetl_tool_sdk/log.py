"""The output of jobs, and the levels of the host's log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class LogRecord:
    """One line without its end, or a part of a long one."""

    attempt: int
    """The attempt that wrote it, from 1."""
    text: str
    """The text."""
    partial: bool = False
    """Whether the line continues in the next record."""


@dataclass(frozen=True)
class LogPage:
    """A page of records, and the cursor of the next one."""

    records: list[LogRecord]
    """The records in the order in which they were written; empty if none arrived in time."""
    next_cursor: int
    """The cursor of the next page."""
    ended: bool
    """Whether the job has finished and every record was returned."""


@dataclass(frozen=True)
class LogExcerpt:
    """The beginning and the end of what one attempt wrote."""

    head: str
    """The beginning; everything if nothing was omitted."""
    tail: str = ""
    """The end; empty if nothing was omitted."""
    total_bytes: int = 0
    """The number of bytes that the attempt wrote."""
    omitted_bytes: int = 0
    """How many of them are in neither `head` nor `tail`."""
    location: str | None = None
    """The location of the whole log, if something was omitted."""


class Level(StrEnum):
    """The level of a line in the host's log."""

    ERROR = "error"
    WARN = "warn"
    INFO = "info"
    DEBUG = "debug"
    TRACE = "trace"
