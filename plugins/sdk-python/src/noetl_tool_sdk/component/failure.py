"""Exceptions of a tool that nothing caught."""

from __future__ import annotations

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
    message = _summary(error)
    if len(message) > MAX_MESSAGE_CHARACTERS:
        message = f"{message[:MAX_MESSAGE_CHARACTERS]}…"
    location = _location(error.__traceback__)
    return ToolError(Code.UNCAUGHT_EXCEPTION, message, details={"location": location} if location else None)


def report(error: BaseException) -> None:
    """Writes the traceback of an exception to standard error."""
    traceback.print_exception(error, file=sys.stderr)
    sys.stderr.flush()


def _summary(error: BaseException) -> str:
    name = type(error).__name__
    try:
        said = str(error)
    except Exception:
        said = "its text cannot be shown"
    return f"{name}: {said}" if said else name


def _location(frames: TracebackType | None) -> str | None:
    """Returns the innermost place of an exception, such as `greet.py:12`.

    Modules of the SDK and of the standard library do not count.
    """
    sdk = str(PurePosixPath(__file__).parent.parent)
    found = None
    for frame, line in traceback.walk_tb(frames):
        name = frame.f_code.co_filename
        if _MOUNT.match(name) and not name.startswith(sdk):
            found = f"{_MOUNT.sub('', name)}:{line}"
    return found
