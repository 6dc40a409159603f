import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from noetl_tool_sdk import Code, Key, ToolError
from noetl_tool_sdk.types import config_schema, parse_config


class Color(Enum):
    """A color."""

    RED = "red"
    BLUE = "blue"


@dataclass
class Limits:
    """What a job may use."""

    memory: str
    cpu: float = 0.5


@dataclass
class Node:
    name: str
    children: "list[Node]" = field(default_factory=list)


@dataclass
class Config:
    """What to do."""

    name: Annotated[str, "Whom to greet."]
    count: Annotated[int, {"minimum": 1}] = 1
    is_loud: Annotated[bool, Key("loud")] = False
    tags: list[str] = field(default_factory=list)
    pair: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    note: str | None = None
    color: Color = Color.RED
    mode: Literal["fast", 2, True] = "fast"
    limits: Limits | None = None
    anything: Any = None
    tree: Node | None = None


def refused(cls: type, document: object) -> ToolError:
    with pytest.raises(ToolError) as caught:
        parse_config(cls, document)
    assert caught.value.code == Code.INVALID_REQUEST
    return caught.value


def test_derives_a_schema_from_a_dataclass() -> None:
    schema = config_schema(Config)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["description"] == "What to do."
    assert (schema["required"], schema["additionalProperties"]) == (["name"], False)
    assert schema["properties"] == {
        "name": {"type": "string", "description": "Whom to greet."},
        "count": {"type": "integer", "minimum": 1, "default": 1},
        "loud": {"type": "boolean", "default": False},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        "pair": {"type": "array", "items": {"type": "integer"}, "default": []},
        "environment": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}},
        "note": {"type": ["string", "null"], "default": None},
        "color": {"description": "A color.", "enum": ["red", "blue"], "default": "red"},
        "mode": {"enum": ["fast", 2, True], "default": "fast"},
        "limits": {"anyOf": [{"$ref": "#/$defs/Limits"}, {"type": "null"}], "default": None},
        "anything": {"default": None},
        "tree": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}], "default": None},
    }
    assert schema["$defs"]["Limits"] == {
        "description": "What a job may use.",
        "type": "object",
        "properties": {"memory": {"type": "string"}, "cpu": {"type": "number", "default": 0.5}},
        "additionalProperties": False,
        "required": ["memory"],
    }


def test_a_dataclass_may_contain_itself() -> None:
    schema = config_schema(Config)["$defs"]["Node"]
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert "description" not in schema
    document = {"name": "a", "tree": {"name": "root", "children": [{"name": "leaf"}]}}
    assert parse_config(Config, document).tree == Node("root", [Node("leaf")])


def test_parses_what_the_schema_accepts() -> None:
    config = parse_config(
        Config,
        {
            "name": "Ada",
            "count": 2.0,
            "loud": True,
            "tags": ["a"],
            "pair": [1, 2],
            "environment": {"A": "b"},
            "note": None,
            "color": "blue",
            "mode": True,
            "limits": {"memory": "1Gi", "cpu": 1},
            "anything": {"a": [1]},
        },
    )
    assert config == Config(
        "Ada", 2, True, ["a"], (1, 2), {"A": "b"}, None, Color.BLUE, True, Limits("1Gi", 1.0), {"a": [1]}
    )
    assert type(config.count) is int
    assert type(config.limits.cpu) is float


def test_uses_the_default_of_what_is_missing() -> None:
    first, second = parse_config(Config, {"name": "a"}), parse_config(Config, {"name": "a"})
    assert first == Config("a")
    assert first.tags is not second.tags


@pytest.mark.parametrize(
    ("document", "field_path", "message"),
    [
        ({"name": 1}, "name", "invalid value for `name`: expected a string"),
        ({"name": "a", "count": True}, "count", "invalid value for `count`: expected an integer"),
        ({"name": "a", "count": 1.5}, "count", "invalid value for `count`: expected an integer"),
        ({"name": "a", "loud": 1}, "loud", "invalid value for `loud`: expected `true` or `false`"),
        ({"name": "a", "tags": "x"}, "tags", "invalid value for `tags`: expected a list"),
        ({"name": "a", "tags": ["x", 2]}, "tags[1]", "invalid value for `tags[1]`: expected a string"),
        (
            {"name": "a", "environment": {"A": 1}},
            "environment.A",
            "invalid value for `environment.A`: expected a string",
        ),
        ({"name": "a", "note": 1}, "note", "invalid value for `note`: expected a string"),
        ({"name": "a", "color": "green"}, "color", "invalid value for `color`: expected `red` or `blue`"),
        ({"name": "a", "mode": 1}, "mode", "invalid value for `mode`: expected `fast`, `2` or `true`"),
        ({"name": "a", "limits": {"memory": "1Gi", "cpu": "1"}}, "limits.cpu", "expected a number"),
        ({"name": "a", "limits": {}}, "limits.memory", "missing key `limits.memory`"),
        ({}, "name", "missing key `name`"),
        ([], None, "invalid configuration: expected an object"),
    ],
)
def test_names_the_value_that_is_wrong(document: object, field_path: str | None, message: str) -> None:
    error = refused(Config, document)
    assert error.field == field_path
    assert error.message.endswith(message)


def test_an_unknown_key_is_reported_with_the_one_that_was_probably_meant() -> None:
    error = refused(Config, {"nam": "a"})
    assert (error.message, error.field, error.hint) == ("unknown key `nam`", "nam", "did you mean `name`?")
    assert refused(Config, {"name": "a", "zzz": 1}).hint is None


def test_a_value_that_fits_none_of_several_types_names_them_all() -> None:
    @dataclass
    class Either:
        value: int | bool | list[int]

    assert parse_config(Either, {"value": [1]}).value == [1]
    error = refused(Either, {"value": "x"})
    assert error.message == "invalid value for `value`: expected an integer, `true` or `false` or a list"


def test_the_check_of_a_constructor_is_an_invalid_value() -> None:
    @dataclass
    class Span:
        first: int
        last: int
        length: int = field(init=False)

        def __post_init__(self) -> None:
            self.length = self.last - self.first
            if self.length < 0:
                raise ValueError("`first` must not be larger than `last`")

    assert refused(Span, {"first": 2, "last": 1}).message == "`first` must not be larger than `last`"
    assert parse_config(Span, {"first": 1, "last": 3}).length == 2
    assert set(config_schema(Span)["properties"]) == {"first", "last"}
    assert refused(Span, {"first": 1, "last": 1, "length": 0}).message == "unknown key `length`"


@pytest.mark.parametrize("type_", [set[str], dict[int, str], tuple[int, str], bytes, "list[complex]"])
def test_a_type_without_a_form_in_json_is_refused_with_its_name(type_: Any) -> None:
    cls: Any = dataclass(type("Config", (), {"__annotations__": {"value": type_}}))
    with pytest.raises(TypeError, match=r"unsupported type `.+` of `Config\.value`: expected `str`"):
        config_schema(cls)


def test_two_dataclasses_of_one_name_are_refused() -> None:
    other: Any = dataclass(type("Limits", (), {"__annotations__": {"x": int}}))
    cls: Any = dataclass(type("Config", (), {"__annotations__": {"a": Limits, "b": other}}))
    with pytest.raises(TypeError, match="the name `Limits`"):
        config_schema(cls)


def test_the_schema_is_json() -> None:
    assert json.loads(json.dumps(config_schema(Config))) == config_schema(Config)
