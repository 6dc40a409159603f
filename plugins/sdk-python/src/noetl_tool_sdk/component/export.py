"""Exports a tool as the component's own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NoReturn

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

from ..error import ToolError
from ..tool import Context, describe, invoke
from .failure import report, uncaught
from .host import ComponentHost
from .snapshot import keep_sources, refuse_late_imports

if TYPE_CHECKING:
    from ..tool import Tool


def export(tool: type[Tool[Any]]) -> type[exports.Handler]:
    """Returns what the module of a component must contain as `Handler`.

    It runs while the component is built, and its state is part of the component.
    """
    description = describe(tool)
    for capability in tool.capabilities:
        importlib.import_module(f"wit_world.imports.{capability}")
    keep_sources()

    class Handler(exports.Handler):
        def describe(self) -> str:
            return description

        def invoke(self, config: str, context: list[tuple[str, str]]) -> str:
            refuse_late_imports()
            host = ComponentHost(tool.capabilities)
            try:
                return invoke(tool, host, config, Context(dict(context)))
            except ToolError as error:
                fail(error)
            except (Exception, SystemExit) as error:
                report(error)
                fail(uncaught(error))

    return Handler


def fail(error: ToolError) -> NoReturn:
    """Ends the call with an error."""
    details = [(_printable(name), _printable(text)) for name, text in error.details.items()]
    raise Err(types.Error(_printable(error.code), _printable(error.message), bool(error.retryable), details))


def _printable(value: object) -> str:
    """Returns the value as a string that has a form in UTF-8."""
    return str(value).encode(errors="backslashreplace").decode()
