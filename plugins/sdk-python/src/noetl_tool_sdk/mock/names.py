"""The names that a real host refuses, in its words."""

from __future__ import annotations

import re

from ..error import Code, ToolError
from ..secret import is_variable_name

MAX_JOB_NAME = 52
"""The maximum length of a job's name, to which Kubernetes appends for pods."""
MAX_FILE_NAME_BYTES = 255
"""The maximum length of a file's name in the file systems of Linux."""
_JOB_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def check_job_name(name: str) -> None:
    """Raises `ToolError` unless a job can have this name."""
    is_label = _JOB_NAME.fullmatch(name) is not None and len(name) <= MAX_JOB_NAME
    _check(is_label, "job", name, f"a DNS label of at most {MAX_JOB_NAME} characters")


def check_file_name(name: str) -> None:
    """Raises `ToolError` unless the file of a script can have this name."""
    is_plain = name not in ("", ".", "..") and not set(name) & set("/\\\0")
    is_short = len(name.encode()) <= MAX_FILE_NAME_BYTES
    expected = f"at most {MAX_FILE_NAME_BYTES} bytes without `/`, `\\` and NUL, other than `.` and `..`"
    _check(is_plain and is_short, "file", name, expected)


def check_variable_name(name: str) -> None:
    """Raises `ToolError` unless an entry of a secret can have this name."""
    _check(is_variable_name(name), "variable", name, "letters, digits and `_`, not beginning with a digit")


def _check(is_valid: bool, what: str, name: str, expected: str) -> None:
    if not is_valid:
        shown = name.encode("unicode_escape").decode()
        raise ToolError(Code.INVALID_REQUEST, f"invalid {what} name `{shown}`: expected {expected}")
