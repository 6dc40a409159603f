"""Finds the tool to build."""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tool import Tool, describe
from .error import BuildError

if TYPE_CHECKING:
    from types import ModuleType

MODULE_EXPECTED = "expected `MODULE` or `MODULE:CLASS`, such as `greet` or `greet:Greet`"


def default_module(folder: Path) -> str:
    """Returns the module of the project in the folder, which has the name of the project."""
    manifest = folder / "pyproject.toml"
    try:
        project = tomllib.loads(manifest.read_text(encoding="utf-8")).get("project", {})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BuildError(f"cannot read `{manifest}`: {error}; name the module of the tool") from error
    if "name" not in project:
        raise BuildError(f"missing `project.name` in `{manifest}`: name the module of the tool")
    return str(project["name"]).replace("-", "_")


def source_folder(folder: Path) -> Path:
    """Returns the folder of a project's modules."""
    return folder / "src" if (folder / "src").is_dir() else folder


def find_tool(name: str) -> type[Tool[Any]]:
    """Imports a module, and returns the tool in it."""
    module_name, _, class_name = name.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise BuildError(f"invalid module `{name}`: {MODULE_EXPECTED}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        searched = ", ".join(f"`{path}`" for path in sys.path[:1])
        raise BuildError(f"unknown module `{module_name}`: it is neither in {searched} nor installed") from error
    tool = _tool_of(module, class_name)
    try:
        describe(tool)
    except TypeError as error:
        raise BuildError(str(error)) from error
    return tool


def _tool_of(module: ModuleType, class_name: str) -> type[Tool[Any]]:
    tools = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Tool) and not inspect.isabstract(value)
    }
    # What a module only imports is not meant, unless it is a package that imports its tool.
    own = {name: tool for name, tool in tools.items() if tool.__module__ == module.__name__}
    if class_name:
        if class_name not in tools:
            raise BuildError(f"unknown tool `{class_name}` in `{module.__name__}`: expected a subclass of `Tool`")
        return tools[class_name]
    tools = own or tools
    if not tools:
        raise BuildError(f"missing tool in `{module.__name__}`: expected a subclass of `Tool`")
    if len(tools) > 1:
        names = ", ".join(f"`{module.__name__}:{name}`" for name in sorted(tools))
        raise BuildError(f"several tools in `{module.__name__}`: name one of {names}")
    return next(iter(tools.values()))
