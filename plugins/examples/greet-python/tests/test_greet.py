import pytest

from greet import Greet
from noetl_tool_sdk import Code, ToolError
from noetl_tool_sdk.mock import SEALED, CreateJob, MockHost, MockJob


def test_greets_by_name() -> None:
    host = MockHost(jobs=[MockJob.succeeds("Hello, Ada!\n")])
    outcome = host.call(Greet, {"name": "Ada"})
    assert outcome == {"status": "completed", "output": "Hello, Ada!\n"}


def test_a_job_that_fails_is_a_failed_outcome() -> None:
    host = MockHost(jobs=[MockJob.fails(3, "no echo\n")])
    assert host.call(Greet, {"name": "Ada"}) == {"status": "failed", "output": "no echo\n"}


def test_a_sealed_name_is_only_in_the_environment() -> None:
    host = MockHost()
    host.call(Greet, {"name": SEALED})
    (job,) = host.calls_of(CreateJob)
    assert [entry.value for entry in job.environment] == [SEALED]


def test_a_configuration_without_a_name_is_refused() -> None:
    with pytest.raises(ToolError, match="missing key `name`") as caught:
        MockHost().call(Greet, {})
    assert (caught.value.code, caught.value.field) == (Code.INVALID_REQUEST, "name")
