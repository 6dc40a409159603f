import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import new_class
from typing import Annotated, Any

import pytest

from noetl_tool_sdk import (
    Capability,
    Code,
    Context,
    Fields,
    Host,
    JobStatus,
    Key,
    Status,
    Tool,
    ToolError,
    describe,
    invoke,
)
from noetl_tool_sdk.mock import MockHost


@dataclass
class Config:
    outcome: Any = None


@dataclass
class Outcome:
    status: Status
    count: int
    total: Annotated[int, Key("in-total")] = field(init=False)

    def __post_init__(self) -> None:
        self.total = self.count + 1


class Echo(Tool[Config]):
    kind = "echo"
    version = "1.2.3-rc.1+build.5"
    summary = "Returns what it is given."
    capabilities = (Capability.JOBS,)
    fields = Fields(jobs={"": "job"})

    def run(self, host: Host, config: Config, context: Context) -> Mapping[str, Any]:
        outcome: Mapping[str, Any] = config.outcome
        return outcome


def define(**attributes: Any) -> type[Tool[Any]]:
    body = {"kind": "a", "version": "0.1.0", "summary": "A.", "run": Echo.run, **attributes}
    return new_class("Defined", (Tool[Config],), {}, lambda namespace: namespace.update(body))


def call(outcome: Any) -> Any:
    return MockHost().call(Echo, {"outcome": outcome})


def test_describes_itself_as_the_host_expects() -> None:
    description = json.loads(describe(Echo))
    schema = description.pop("schema")
    assert description == {
        "kind": "echo",
        "version": "1.2.3-rc.1+build.5",
        "summary": "Returns what it is given.",
        "capabilities": ["jobs"],
        "fields": {"objects": {}, "jobs": {"": "job"}},
    }
    assert schema["properties"] == {"outcome": {"default": None}}


@pytest.mark.parametrize("kind", ["", "A", "1a", "a b", "é", "a" * 64])
def test_refuses_a_kind_that_a_real_host_refuses(kind: str) -> None:
    with pytest.raises(ValueError, match="invalid kind"):
        define(kind=kind)


def test_takes_a_kind_that_a_real_host_takes() -> None:
    for kind in ("a", "a-b_9", "a" * 63):
        assert define(kind=kind).kind == kind


@pytest.mark.parametrize("version", ["", "1", "1.0", "01.0.0", "1.0.0-", "v1.0.0", "1.0.0-01"])
def test_refuses_a_version_that_is_not_semantic(version: str) -> None:
    with pytest.raises(ValueError, match="invalid version"):
        define(version=version)


def test_refuses_a_long_summary_and_an_unknown_capability() -> None:
    with pytest.raises(ValueError, match="invalid summary"):
        define(summary="é" * 251)
    with pytest.raises(TypeError, match="invalid capability `jobs`"):
        define(capabilities=("jobs",))


def test_what_is_missing_is_named_when_the_tool_is_described() -> None:
    class Unfinished(Tool[Config]):
        kind = "a"
        version = "0.1.0"
        run = Echo.run

    class Untyped(Tool):  # type: ignore[type-arg]
        kind = "a"
        version = "0.1.0"
        summary = ""
        run = Echo.run

    with pytest.raises(TypeError, match="missing `summary` of `Unfinished`"):
        describe(Unfinished)
    with pytest.raises(TypeError, match=r"expected `Tool\[Config\]`"):
        describe(Untyped)


def test_a_subclass_of_a_tool_has_its_configuration() -> None:
    class Louder(Echo):
        kind = "louder"

    description = json.loads(describe(Louder))
    assert (description["kind"], description["version"]) == ("louder", Echo.version)


def test_an_outcome_is_an_object_or_a_dataclass() -> None:
    assert call({"status": "completed", "deep": [{"a": 1}]}) == {"status": "completed", "deep": [{"a": 1}]}

    class Typed(Echo):
        def run(self, host: Host, config: Config, context: Context) -> Any:
            return Outcome(Status.of(JobStatus.TIMED_OUT), 2)

    assert MockHost().call(Typed, {}) == {"status": "timeout", "count": 2, "in-total": 3}


@pytest.mark.parametrize("outcome", [None, [], "completed", {}, {"status": "done"}, {"status": 1}])
def test_refuses_an_outcome_without_a_known_status(outcome: Any) -> None:
    with pytest.raises(ToolError, match="invalid outcome of `echo`") as caught:
        call(outcome)
    assert caught.value.code == Code.INVALID_OUTCOME


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object(), b"bytes", "\ud800"])
def test_refuses_an_outcome_that_is_not_json(value: Any) -> None:
    class Odd(Echo):
        def run(self, host: Host, config: Config, context: Context) -> Any:
            return {"status": Status.COMPLETED, "value": value}

    with pytest.raises(ToolError, match="the outcome of `echo` is not JSON") as caught:
        MockHost().call(Odd, {})
    assert caught.value.code == Code.INVALID_OUTCOME


def test_a_tool_gets_the_context_of_its_call() -> None:
    class Where(Echo):
        def run(self, host: Host, config: Config, context: Context) -> Any:
            return {"status": "completed", "where": [context.execution_id, context.step, context.engine]}

    host = MockHost(context={"execution-id": "7", "later": "x"})
    assert host.call(Where, {})["where"] == ["7", None, None]
    assert json.loads(invoke(Where, host, "{}", Context()))["where"] == [None, None, None]
