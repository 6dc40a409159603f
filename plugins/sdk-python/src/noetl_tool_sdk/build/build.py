"""Builds the component of a tool."""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import toolchain
from .error import BuildError
from .narrow import narrowed
from .project import default_module, find_tool, source_folder

if TYPE_CHECKING:
    from ..tool import Tool

__all__ = ["BuildError", "Built", "build"]

ENTRY = "noetl_tool_component"
"""The module of the component, which is generated."""


@dataclass(frozen=True)
class Built:
    """A component that was built."""

    tool: type[Tool[Any]]
    file: Path
    size_bytes: int


def build(module: str | None, output: Path | None, project: Path) -> Built:
    """Builds the component of the tool in a module, and returns it.

    Without `module`, it is the module of the project in the folder `project`; without `output`, the file is
    `dist/KIND.wasm` there. Raises `BuildError`.
    """
    toolchain.check()
    sources = source_folder(project)
    sys.path.insert(0, str(sources))
    tool = find_tool(module or default_module(project))
    file = output or project / "dist" / f"{tool.kind}.wasm"
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        interface, entry = scratch / "wit", scratch / "entry"
        for folder, files in ((interface, narrowed(tool.capabilities)), (entry, {f"{ENTRY}.py": _entry(tool)})):
            folder.mkdir()
            for file_name, text in files.items():
                (folder / file_name).write_text(text, encoding="utf-8")
        installed = [Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")]
        sdk = Path(__file__).parents[2]
        folders = list(dict.fromkeys([entry, sources.resolve(), sdk, *installed]))
        file.parent.mkdir(parents=True, exist_ok=True)
        toolchain.componentize(interface, ENTRY, folders, scratch, file)
    return Built(tool, file, file.stat().st_size)


def _entry(tool: type[Tool[Any]]) -> str:
    """Returns the module of the component: the name `Handler` is that of the interface that it exports."""
    return (
        "from noetl_tool_sdk.component.export import export\n"
        f"from {tool.__module__} import {tool.__qualname__} as tool\n\n"
        "Handler = export(tool)\n"
    )
