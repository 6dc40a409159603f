"""The interface of a tool that only imports what it declares.

componentize-py generates code for every function of a world, and a component imports every function that it has code
for. The world of a tool therefore contains only the interfaces of its capabilities. Of an interface that those only
take types from, such as the objects that are passed to a job, it contains these types without a function; a component
needs no grant for them.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WORLD = "tool"
"""The name of the world."""
_PACKAGE = re.compile(r"^package [^;]+;$", re.MULTILINE)
_USE = re.compile(r"\buse ([a-z-]+)\.\{([^}]+)\};")
_RESOURCE = re.compile(r"\bresource ([a-z-]+) *[{;]")


def narrowed(capabilities: Iterable[str]) -> dict[str, str]:
    """Returns the files of the package with only these interfaces, by their names."""
    imports = sorted(set(capabilities))
    kept = {name: _interface(name) for name in ("types", "handler", *imports)}
    used: dict[str, set[str]] = {}
    for text in kept.values():
        for name, types in _USE.findall(text):
            if name not in kept:
                used.setdefault(name, set()).update(part.strip() for part in types.split(","))
    texts = {**kept, **{name: _types_of(name, types) for name, types in used.items()}}
    world = "".join(f"    import {name};\n" for name in imports)
    package = _PACKAGE.search(_interface("world"))
    if package is None:
        raise ValueError("missing `package` in `world.wit`")
    texts["world"] = f"{package.group()}\n\nworld {WORLD} {{\n{world}    export handler;\n}}\n"
    return {f"{name}.wit": text for name, text in texts.items()}


def _interface(name: str) -> str:
    return (files("noetl_tool_sdk") / "wit" / f"{name}.wit").read_text(encoding="utf-8")


def _types_of(name: str, types: set[str]) -> str:
    """Returns the interface with only these resources, which are handles without functions."""
    unknown = types - set(_RESOURCE.findall(_interface(name)))
    if unknown:
        raise ValueError(f"unknown resource `{min(unknown)}` of `{name}.wit`")
    resources = "".join(f"    resource {resource};\n" for resource in sorted(types))
    return f"interface {name} {{\n{resources}}}\n"
