import pytest

from everything import Everything
from noetl_tool_sdk import AttemptEnded, Code, JobWarning, ToolError
from noetl_tool_sdk.mock import (
    Cancel,
    CreateJob,
    FetchObject,
    Log,
    MockAttempt,
    MockHost,
    MockJob,
    Report,
)

URI = "https://example.com/etl.py"


def test_runs_a_job_with_retries_and_reads_its_lines() -> None:
    attempts = [MockAttempt.exits(1, "a\nb\n"), MockAttempt.exits(0, "c\n")]
    host = MockHost(jobs=[MockJob(attempts, before=[JobWarning(message="the image is old")])])
    job = {"command": ["sh", "-c", "$NOETL_SCRIPT"], "script": "echo a", "backoff-limit": 1}
    outcome = host.call(Everything, {"action": "run", "text": "hush", "job": job})
    assert outcome["status"] == "completed"
    assert outcome["warnings"] == ["the image is old"]
    assert outcome["lines"] == ["1: a", "1: b", "2: c"]
    assert outcome["events"].count(AttemptEnded.__name__) == 2
    (created,) = host.calls_of(CreateJob)
    assert created.options["backoffLimit"] == 1
    assert created.script == ("script.sh", b"echo a")


def test_cancels_a_job_that_never_ends() -> None:
    host = MockHost(jobs=[MockJob([MockAttempt.exits(0)], never_ends=True)])
    outcome = host.call(Everything, {"action": "cancel"})
    assert outcome["status"] == "cancelled"
    assert host.calls_of(Cancel) == [Cancel("as configured")]


def test_fetches_an_object_with_options() -> None:
    host = MockHost(objects={URI: "print()"})
    assert host.call(Everything, {"action": "fetch", "uri": URI})["output"] == "print()"
    assert host.calls_of(FetchObject) == [FetchObject(URI, {"timeout-ms": 30_000})]


def test_refuses_an_object_with_another_digest() -> None:
    host = MockHost(objects={URI: "print()"})
    with pytest.raises(ToolError) as caught:
        host.call(Everything, {"action": "fetch", "uri": URI, "sha256": "0" * 64})
    assert caught.value.code == Code.CHECKSUM_MISMATCH


def test_reports_and_logs() -> None:
    host = MockHost()
    host.call(Everything, {"action": "report", "text": "half way"})
    assert host.calls == [Report("reporting", "half way", {"engine": "mock"}), Log("warn", "half way")]


def test_names_what_is_wrong() -> None:
    with pytest.raises(ToolError) as caught:
        MockHost().call(Everything, {"action": "refuse", "text": "not today"})
    assert (caught.value.code, caught.value.message, caught.value.retryable) == ("Refused", "not today", True)
    with pytest.raises(ValueError, match="boom"):
        MockHost().call(Everything, {"action": "raise", "text": "boom"})
