"""Conversions of single values between Python, JSON and the interface of the host."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum

from .members import members

U32_MAX = (1 << 32) - 1
U64_MAX = (1 << 64) - 1


def text(name: str, value: object) -> str:
    """Returns the value if it is a string that has a form in UTF-8.

    A component that passes anything else to the host is ended, without a traceback.
    """
    if not isinstance(value, str):
        raise TypeError(f"invalid {name}: expected a string, not `{type(value).__name__}`")
    value.encode()
    return value


def as_json(value: object) -> str:
    """Returns the value as JSON; raises TypeError, ValueError or RecursionError if it has no form in it."""
    return text("value", json.dumps(value, default=encoded, allow_nan=False, ensure_ascii=False))


def unsigned(name: str, value: object, maximum: int = U32_MAX) -> int:
    """Returns the value if it is a whole number of the interface, and at most `maximum`."""
    if not isinstance(value, int) or not 0 <= value <= maximum:
        raise ValueError(f"invalid {name} `{value}`: expected an integer from 0 to {maximum}")
    return int(value)


def milliseconds(duration: timedelta) -> int:
    """Returns the duration in milliseconds, at most those that the interface can express: 49 days."""
    return max(0, min(duration // timedelta(milliseconds=1), U32_MAX))


def encoded(value: object) -> object:
    """Returns the JSON form of a value that `json` does not know, as its argument `default`."""
    match value:
        case Enum():
            return value.value
        case Mapping():
            return dict(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {member.key: getattr(value, member.name) for member in members(type(value))}
        case _:
            raise TypeError(f"`{type(value).__name__}` has no form in JSON")
