"""The shapes of configuration values: their JSON Schema, and how they are parsed.

A shape is derived from a type. It is the only place where a type is interpreted, so that the schema and the parser
agree.
"""

from __future__ import annotations

import difflib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .error import ToolError

Schema = dict[str, Any]
Definitions = dict[str, tuple[type, Schema]]
"""The schemas of nested dataclasses by their names, which the schema of a configuration refers to."""


class Shape(ABC):
    """The shape of a value."""

    @property
    @abstractmethod
    def expected(self) -> str:
        """What is expected, for messages: `a string`."""

    @abstractmethod
    def schema(self, definitions: Definitions) -> Schema:
        """Returns the schema of the value, and adds those that it refers to."""

    @abstractmethod
    def parse(self, value: object, path: str) -> Any:
        """Returns the value as Python has it, or raises `ToolError` with its path."""

    def invalid(self, path: str) -> ToolError:
        """Returns the error of a value that does not have this shape."""
        where = f"value for `{path}`" if path else "configuration"
        return ToolError.invalid(path, f"invalid {where}: expected {self.expected}")


@dataclass(frozen=True)
class Scalar(Shape):
    """A string, a number, `true`, `false` or null."""

    name: str
    """The type in JSON Schema."""
    described: str
    convert: Callable[[object], Any]
    """Converts a value; raises TypeError if it has another type."""

    @property
    def expected(self) -> str:
        return self.described

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": self.name}

    def parse(self, value: object, path: str) -> Any:
        try:
            return self.convert(value)
        except TypeError:
            raise self.invalid(path) from None


@dataclass(frozen=True)
class Anything(Shape):
    """Any JSON value."""

    @property
    def expected(self) -> str:
        return "any value"

    def schema(self, definitions: Definitions) -> Schema:
        return {}

    def parse(self, value: object, path: str) -> Any:
        return value


@dataclass(frozen=True)
class Choice(Shape):
    """One of several scalars: a `Literal` or an `Enum`."""

    choices: tuple[tuple[Any, Any], ...]
    """Each value in JSON, and as Python has it."""
    documentation: str | None = None

    @property
    def expected(self) -> str:
        return _alternatives([f"`{_shown(value)}`" for value, _ in self.choices])

    def schema(self, definitions: Definitions) -> Schema:
        described = {"description": self.documentation} if self.documentation else {}
        return {**described, "enum": [value for value, _ in self.choices]}

    def parse(self, value: object, path: str) -> Any:
        for choice, converted in self.choices:
            # In Python `True` equals 1, in JSON it does not.
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return converted
        raise self.invalid(path)


@dataclass(frozen=True)
class ListOf(Shape):
    """A list of values of one shape."""

    item: Shape
    collect: Callable[[list[Any]], Any]

    @property
    def expected(self) -> str:
        return "a list"

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "array", "items": self.item.schema(definitions)}

    def parse(self, value: object, path: str) -> Any:
        if not isinstance(value, list):
            raise self.invalid(path)
        return self.collect([self.item.parse(item, f"{path}[{index}]") for index, item in enumerate(value)])


@dataclass(frozen=True)
class DictOf(Shape):
    """An object with any keys, and values of one shape."""

    value: Shape

    @property
    def expected(self) -> str:
        return "an object"

    def schema(self, definitions: Definitions) -> Schema:
        return {"type": "object", "additionalProperties": self.value.schema(definitions)}

    def parse(self, value: object, path: str) -> Any:
        if not isinstance(value, dict):
            raise self.invalid(path)
        return {key: self.value.parse(item, _joined(path, key)) for key, item in value.items()}


@dataclass(frozen=True)
class OneOf(Shape):
    """A value of one of several shapes; the first that fits."""

    shapes: tuple[Shape, ...]

    @property
    def expected(self) -> str:
        return _alternatives([shape.expected for shape in self.shapes])

    def schema(self, definitions: Definitions) -> Schema:
        schemas = [shape.schema(definitions) for shape in self.shapes]
        if all(list(schema) == ["type"] for schema in schemas):
            return {"type": [schema["type"] for schema in schemas]}
        return {"anyOf": schemas}

    def parse(self, value: object, path: str) -> Any:
        # What is wrong in the only alternative to null says more than that no alternative fits.
        others = [shape for shape in self.shapes if not (isinstance(shape, Scalar) and shape.name == "null")]
        if value is not None and len(others) == 1:
            return others[0].parse(value, path)
        for shape in self.shapes:
            try:
                return shape.parse(value, path)
            except ToolError:
                continue
        raise self.invalid(path)


@dataclass(frozen=True)
class Annotation(Shape):
    """A value with a description and further keywords of JSON Schema, which only the host checks."""

    inner: Shape
    documentation: str | None
    keywords: tuple[tuple[str, Any], ...]

    @property
    def expected(self) -> str:
        return self.inner.expected

    def schema(self, definitions: Definitions) -> Schema:
        described = {"description": self.documentation} if self.documentation else {}
        return {**self.inner.schema(definitions), **described, **dict(self.keywords)}

    def parse(self, value: object, path: str) -> Any:
        return self.inner.parse(value, path)


@dataclass(frozen=True)
class Property:
    """A member of an object."""

    name: str
    key: str
    shape: Shape
    default: Callable[[], Any] | None
    default_in_json: Callable[[], Any]


@dataclass(frozen=True)
class ObjectOf(Shape):
    """An object with the members of a dataclass, and no other keys."""

    cls: type
    properties: Callable[[], tuple[Property, ...]]
    """Returns the members: a function, since a dataclass may contain itself."""

    @property
    def expected(self) -> str:
        return "an object"

    def schema(self, definitions: Definitions) -> Schema:
        name = self.cls.__name__
        if name not in definitions:
            # Entered first, so that a dataclass that contains itself ends here.
            definitions[name] = (self.cls, {})
            definitions[name][1].update(self.inline(definitions))
        elif definitions[name][0] is not self.cls:
            raise TypeError(f"two dataclasses of the configuration have the name `{name}`: rename one of them")
        return {"$ref": f"#/$defs/{name}"}

    def inline(self, definitions: Definitions) -> Schema:
        """Returns the schema itself instead of a reference to it."""
        properties: Schema = {}
        required = []
        for member in self.properties():
            properties[member.key] = member.shape.schema(definitions)
            if member.default is None:
                required.append(member.key)
            else:
                properties[member.key]["default"] = member.default_in_json()
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            schema["required"] = required
        documentation = documentation_of(self.cls)
        return {"description": documentation, **schema} if documentation else schema

    def parse(self, value: object, path: str) -> Any:
        if not isinstance(value, dict):
            raise self.invalid(path)
        members = {member.key: member for member in self.properties()}
        for key in value:
            if key not in members:
                near = difflib.get_close_matches(key, members, 1)
                hint = f"did you mean `{near[0]}`?" if near else None
                raise ToolError.invalid(_joined(path, key), f"unknown key `{_joined(path, key)}`", hint=hint)
        parsed = {}
        for key, member in members.items():
            if key in value:
                parsed[member.name] = member.shape.parse(value[key], _joined(path, key))
            elif member.default is None:
                raise ToolError.invalid(_joined(path, key), f"missing key `{_joined(path, key)}`")
        try:
            return self.cls(**parsed)
        except ValueError as error:
            # The constructor's own check.
            raise ToolError.invalid(path, str(error)) from error


def documentation_of(cls: type) -> str | None:
    """Returns the docstring of a class, unless `dataclass` or `Enum` made it."""
    documentation = cls.__dict__.get("__doc__")
    if not documentation or documentation.startswith(f"{cls.__name__}("):
        return None
    # Python 3.11 gives an enumeration without a docstring that of `Enum`.
    return None if documentation == Enum.__doc__ else inspect.cleandoc(documentation)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _shown(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _alternatives(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"
