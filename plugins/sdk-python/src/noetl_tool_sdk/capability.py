"""The interfaces of the host that a tool declares."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from .error import Code, ToolError

if TYPE_CHECKING:
    from collections.abc import Collection


class Capability(StrEnum):
    """An interface of the host.

    A component imports the capabilities that its tool declares and nothing else, so that users grant no more.
    """

    OBJECTS = "objects"
    """`Host.fetch_object` and `Host.create_object`."""
    SECRETS = "secrets"
    """`Host.create_secret`."""
    JOBS = "jobs"
    """`Host.create_job`, and everything of `Job` except its logs."""
    LOGS = "logs"
    """`Job.logs`, `Job.read_logs` and `Job.read_excerpt`."""
    PROGRESS = "progress"
    """`Host.report` and `Host.log`. Every tool is granted it."""


class Declaration:
    """The capabilities that a tool declares, shared by a host and its jobs."""

    def __init__(self, capabilities: Collection[Capability] = tuple(Capability)) -> None:
        self.capabilities = capabilities

    def require(self, capability: Capability, operation: str) -> None:
        """Raises `ToolError` unless the capability is declared: a component without it cannot call the host."""
        if capability not in self.capabilities:
            needed = f"`Capability.{capability.name}` in the `capabilities` of the tool"
            raise ToolError(Code.DENIED, f"`{operation}` needs {needed}")
