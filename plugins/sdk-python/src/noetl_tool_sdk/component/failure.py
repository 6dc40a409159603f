"""Exceptions of a tool that nothing caught."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..error import Code, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MAX_MESSAGE_CHARACTERS = 2000
"""The maximum length of a message that quotes an exception."""
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_MOUNT = re.compile(r"^/\d+/")
"""Where componentize-py puts a folder of modules."""


def uncaught(error: BaseException) -> ToolError:
    """Returns the error of the call that an exception ends."""
    name, said = type(error).__name__, str(error)
    message = f"{name}: {said}" if said else name
    if len(message) > MAX_MESSAGE_CHARACTERS:
        message = f"{message[:MAX_MESSAGE_CHARACTERS]}…"
    location = _location(error.__traceback__)
    return ToolError(Code.UNCAUGHT_EXCEPTION, message, details={"location": location} if location else None)


def report(error: BaseException) -> None:
    """Writes the traceback of an exception to standard error."""
    sys.stderr.write("".join(_lines(error, set())))
    sys.stderr.flush()


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Returns the lines of a traceback, with the exceptions that led to this one.

    `traceback.print_exception` marks columns, for which it parses the source. A syntax error in that makes Python look
    for a file, and a component has none.
    """
    seen.add(id(error))
    cause, text = error.__cause__, _CAUSE
    if cause is None and not error.__suppress_context__:
        cause, text = error.__context__, _CONTEXT
    if cause is not None and id(cause) not in seen:
        yield from _lines(cause, seen)
        yield text
    frames = list(traceback.walk_tb(error.__traceback__))
    for frame, _ in frames:
        name = frame.f_code.co_filename
        # What is not in memory would be read.
        linecache.cache.setdefault(name, (0, None, [], name))
    yield "Traceback (most recent call last):\n"
    yield from traceback.StackSummary.extract(iter(frames)).format()
    yield from traceback.format_exception_only(error)


def _location(frames: TracebackType | None) -> str | None:
    """Returns the innermost place of an exception in the tool's own modules, such as `greet.py:12`."""
    sdk = str(PurePosixPath(__file__).parent.parent)
    found = None
    for frame, line in traceback.walk_tb(frames):
        name = frame.f_code.co_filename
        if _MOUNT.match(name) and not name.startswith(sdk):
            found = f"{_MOUNT.sub('', name)}:{line}"
    return found
