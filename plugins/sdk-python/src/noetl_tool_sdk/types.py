"""Derives the shape of configuration values from Python's types."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from .members import Member, description, keywords, members, notes_of
from .shapes import (
    Annotation,
    Anything,
    Choice,
    DictOf,
    ListOf,
    ObjectOf,
    OneOf,
    Property,
    Scalar,
    Shape,
    documentation_of,
)
from .values import as_json

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The version of JSON Schema that the host expects."""
SUPPORTED = (
    "`str`, `int`, `float`, `bool`, `None`, `Any`, `list`, `tuple[T, ...]`, `dict[str, T]`, `Literal`, an `Enum`, a "
    "dataclass, or a union of these"
)


def config_schema(cls: type) -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of a configuration that is this dataclass."""
    shape = _object_of(cls)
    definitions: dict[str, tuple[type, dict[str, Any]]] = {}
    schema = {"$schema": DIALECT, **shape.inline(definitions)}
    if definitions:
        schema["$defs"] = {name: definition for name, (_, definition) in definitions.items()}
    return schema


def parse_config(cls: type, document: object) -> Any:
    """Returns the configuration as an instance of this dataclass.

    Raises `ToolError` with the code `InvalidRequest` and the path of the value that does not conform to the schema.
    """
    return _object_of(cls).parse(document, "")


def shape_of(type_: Any, where: str) -> Shape:
    """Returns the shape of values of a type; `where` names its place for a message."""
    notes = notes_of(type_)
    if notes:
        inner = shape_of(get_args(type_)[0], where)
        documentation, further = description(notes), keywords(notes)
        return Annotation(inner, documentation, tuple(further.items())) if documentation or further else inner
    if type_ in _SCALARS:
        return _SCALARS[type_]
    if type_ in (Any, object):
        return Anything()
    if isinstance(type_, type) and issubclass(type_, Enum):
        return Choice(tuple((member.value, member) for member in type_), documentation_of(type_))
    if isinstance(type_, type) and dataclasses.is_dataclass(type_):
        return _object_of(type_)
    return _generic(type_, where)


def _generic(type_: Any, where: str) -> Shape:
    origin, arguments = get_origin(type_) or type_, get_args(type_)
    if origin is Literal:
        return Choice(tuple((value, value) for value in arguments))
    if origin in (Union, types.UnionType):
        return OneOf(tuple(shape_of(argument, where) for argument in arguments))
    if origin in (list, Sequence):
        return ListOf(shape_of(arguments[0], where) if arguments else Anything(), list)
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        return ListOf(shape_of(arguments[0], where), tuple)
    if origin in (dict, Mapping) and (not arguments or arguments[0] is str):
        return DictOf(shape_of(arguments[1], where) if arguments else Anything())
    raise TypeError(f"unsupported type `{_name(type_)}` of `{where}`: expected {SUPPORTED}")


@cache
def _object_of(cls: type) -> ObjectOf:
    @cache
    def properties() -> tuple[Property, ...]:
        return tuple(_property(cls, member) for member in members(cls) if member.is_parameter)

    return ObjectOf(cls, properties)


def _property(cls: type, member: Member) -> Property:
    shape = shape_of(member.type, f"{cls.__name__}.{member.name}")

    def default_in_json() -> Any:
        return json.loads(as_json(member.default()))

    return Property(member.name, member.key, shape, member.default, default_in_json)


def _name(type_: Any) -> str:
    if get_origin(type_) is None and isinstance(type_, type):
        return type_.__name__
    return str(type_)


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # 1.0 is an integer of JSON Schema.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise TypeError


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise TypeError


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError


def _null(value: object) -> None:
    if value is not None:
        raise TypeError


_SCALARS: dict[Any, Scalar] = {
    str: Scalar("string", "a string", _string),
    int: Scalar("integer", "an integer", _integer),
    float: Scalar("number", "a number", _number),
    bool: Scalar("boolean", "`true` or `false`", _boolean),
    type(None): Scalar("null", "null", _null),
    None: Scalar("null", "null", _null),
}
