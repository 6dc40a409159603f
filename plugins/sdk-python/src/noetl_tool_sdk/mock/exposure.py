"""Where a real host refuses secrets, since others could read them there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..error import Code, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..secret import SecretEntry

SEALED = f"sealed.{'0' * 32}"
"""A sealed reference, for configurations of tests: what a tool gets instead of a value that depends on a secret."""
ARGUMENTS = "NOETL_ARGS"
"""The variable that a host replaces with the path of a file in commands, if it has a secret."""
_SEALED = re.compile(r"sealed\.[0-9a-f]{32}")
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


def check_exposure(name: str, options: Iterable[tuple[str, str]], environment: Iterable[SecretEntry]) -> None:
    """Raises `ToolError` if a job would disclose a sealed value in its options or on its command line."""
    secret = {entry.name for entry in environment if _SEALED.search(entry.value)} - {ARGUMENTS}
    for option, value in [("name", name), *options]:
        if _SEALED.search(value):
            message = f"the job's {option} would disclose a secret to everyone who may read jobs"
            raise ToolError(Code.SECRET_IN_SPEC, message, field=option)
        for variable in _REFERENCE.findall(value):
            if variable in secret:
                message = f"`{option}` expands `$({variable})`, which contains a secret"
                hint = f"have the program read the environment variable `{variable}` itself"
                raise ToolError(Code.SECRET_IN_SPEC, message, field=option, hint=hint)
