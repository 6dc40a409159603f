"""The members of a dataclass, as keys of a JSON object."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Key:
    """The key of a member whose name differs, as an annotation: `size: Annotated[int, Key("max-size")]`."""

    name: str


@dataclass(frozen=True)
class Member:
    """A member of a dataclass."""

    name: str
    """Its name in Python."""
    key: str
    """Its key in JSON."""
    type: Any
    """Its type, with annotations."""
    default: Any
    """A function that returns its default, or None if it is required."""
    is_parameter: bool
    """Whether the constructor takes it."""


@cache
def members(cls: type) -> tuple[Member, ...]:
    """Returns the members of a dataclass."""
    hints = get_type_hints(cls, include_extras=True)
    found = []
    for field in dataclasses.fields(cls):
        type_ = hints[field.name]
        keys = [note.name for note in notes_of(type_) if isinstance(note, Key)]
        key = keys[-1] if keys else field.name
        found.append(Member(field.name, key, type_, _default(field), field.init))
    return tuple(found)


def notes_of(type_: Any) -> tuple[Any, ...]:
    """Returns what `Annotated` adds to a type."""
    return get_args(type_)[1:] if get_origin(type_) is Annotated else ()


def description(notes: tuple[Any, ...]) -> str | None:
    """Returns the docstring among annotations."""
    return next((note for note in notes if isinstance(note, str)), None)


def keywords(notes: tuple[Any, ...]) -> dict[str, Any]:
    """Returns further keywords of JSON Schema among annotations, such as `{"minimum": 1}`."""
    return {name: value for note in notes if isinstance(note, Mapping) for name, value in note.items()}


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    if field.default is not dataclasses.MISSING:
        default = field.default
        return lambda: default
    return None
