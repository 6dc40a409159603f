"""Exceptions of a tool that nothing caught."""

from __future__ import annotations

import re
import sys
import textwrap
import traceback
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..error import Code, ToolError
from .snapshot import source_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MAX_MESSAGE_CHARACTERS = 2000
"""The maximum length of a message that quotes an exception."""
MAX_CHAIN = 32
"""The maximum number of exceptions that are shown: each uses the stack, which is small in a component."""
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
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
    sys.stderr.write("".join(_lines(error, set())))
    sys.stderr.flush()


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Returns the lines of a traceback, with the exceptions that led to this one.

    `traceback.print_exception` would read the sources, and a component has no files.
    """
    seen.add(id(error))
    cause, text = error.__cause__, _CAUSE
    if cause is None and not error.__suppress_context__:
        cause, text = error.__context__, _CONTEXT
    if cause is not None and id(cause) not in seen and len(seen) < MAX_CHAIN:
        yield from _lines(cause, seen)
        yield text
    yield "Traceback (most recent call last):\n"
    frames = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        shown = source_line(name, line)
        frames.append(traceback.FrameSummary(name, line, frame.f_code.co_name, lookup_line=False, line=shown))
    yield from traceback.format_list(frames)
    yield f"{_summary(error)}\n"
    yield from (f"{note}\n" for note in getattr(error, "__notes__", ()))
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield textwrap.indent("".join(_lines(part, seen)), "  | ")


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
