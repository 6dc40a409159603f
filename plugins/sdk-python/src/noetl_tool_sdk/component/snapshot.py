"""What a component keeps from the time when it was built, since it has no files afterwards."""

from __future__ import annotations

import linecache
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

STANDARD_LIBRARY = "/python/"
"""Where componentize-py puts the modules of the standard library."""


sources: dict[str, list[str]] = {}
"""The lines of the tool's modules, by the names of their files."""


def keep_sources() -> None:
    """Keeps the sources of the tool's modules, and prevents that `traceback` and `logging` look for any.

    With a source `traceback` marks columns, for which it parses the line. A syntax error in that makes Python open a
    file, which ends a component on hosts without a file system.
    """
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name:
            if not name.startswith(STANDARD_LIBRARY):
                sources[name] = linecache.getlines(name)
            # Without a time of modification, `linecache` never looks for the file again.
            linecache.cache[name] = (0, None, [], name)


def source_line(name: str, line: int) -> str:
    """Returns a line of the tool's modules; empty if it is not known."""
    lines = sources.get(name, [])
    return lines[line - 1] if 0 < line <= len(lines) else ""


def refuse_late_imports() -> None:
    """Lets an import of a module that is not part of the component fail as an import, instead of ending the tool."""
    if PathFinder in sys.meta_path:
        sys.meta_path[sys.meta_path.index(PathFinder)] = LateImport


class LateImport:
    """Finds nothing: the finder of modules in a component that is running."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> NoReturn:
        """Raises `ModuleNotFoundError`."""
        remedy = "import it at the top level of the tool's module, since a component has no files"
        raise ModuleNotFoundError(f"cannot import `{name}`: {remedy}", name=name)
