"""Values for the environment of a job."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class SecretEntry:
    """A named value for the environment of a job.

    The host opens sealed references in the value when the job is created. `text` replaces them with their values as
    text; `json` takes the value for a JSON document and replaces them with JSON values.
    """

    name: str
    value: str = field(repr=False)
    format: Literal["text", "json"] = "text"

    @classmethod
    def text(cls, name: str, value: str) -> SecretEntry:
        """Returns an entry in which sealed references are replaced with their values as text."""
        return cls(name, value)

    @classmethod
    def json(cls, name: str, value: str) -> SecretEntry:
        """Returns an entry that is a JSON document, in which sealed references are replaced with JSON values."""
        return cls(name, value, "json")


class Secret(ABC):
    """Named values that the host keeps. There is no way to read them back."""

    @abstractmethod
    def names(self) -> list[str]:
        """Returns the names of the values."""


def is_variable_name(name: str) -> bool:
    """Returns whether a host takes the name for an entry of a secret.

    It is that of an environment variable to which every shell can refer: letters, digits and `_`, not beginning with a
    digit.
    """
    return _VARIABLE_NAME.fullmatch(name) is not None
