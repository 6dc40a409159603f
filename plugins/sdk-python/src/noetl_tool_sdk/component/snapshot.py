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


def keep_sources() -> None:
    """Keeps the sources of the tool's modules for tracebacks, and of the standard library that there are none."""
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name:
            lines = [] if name.startswith(STANDARD_LIBRARY) else linecache.getlines(name)
            # Without a time of modification, `linecache` never looks for the file again.
            linecache.cache[name] = (sum(map(len, lines)), None, lines, name)


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
