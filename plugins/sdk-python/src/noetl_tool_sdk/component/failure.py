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
    from types import TracebackType

MAX_MESSAGE_CHARACTERS = 2000
"""The maximum length of a message that quotes an exception."""
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
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        _forget_sources(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__
    traceback.print_exception(error, file=sys.stderr)
    sys.stderr.flush()


def _forget_sources(frames: TracebackType | None) -> None:
    """Prevents that sources that are not in memory are read for a traceback: a component has no files."""
    for frame, _ in traceback.walk_tb(frames):
        name = frame.f_code.co_filename
        linecache.cache.setdefault(name, (0, None, [], name))


def _location(frames: TracebackType | None) -> str | None:
    """Returns the innermost place of an exception in the tool's own modules, such as `greet.py:12`."""
    sdk = str(PurePosixPath(__file__).parent.parent)
    found = None
    for frame, line in traceback.walk_tb(frames):
        name = frame.f_code.co_filename
        if _MOUNT.match(name) and not name.startswith(sdk):
            found = f"{_MOUNT.sub('', name)}:{line}"
    return found
