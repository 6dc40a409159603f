from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from noetl_tool_sdk import (
    AttemptEnded,
    BackingOff,
    Capability,
    Code,
    Context,
    Host,
    JobEnd,
    JobFinished,
    JobSpec,
    JobStatus,
    Level,
    SecretEntry,
    Tool,
    ToolError,
    is_variable_name,
)
from noetl_tool_sdk.mock import (
    SEALED,
    Call,
    CreateJob,
    CreateObject,
    FetchObject,
    MockAttempt,
    MockHost,
    MockJob,
    ReadLogs,
)

NOW = timedelta()


@dataclass
class Config:
    action: str


class Probe(Tool[Config]):
    """Does to the host what its configuration says."""

    kind = "probe"
    version = "0.1.0"
    summary = "Probes the mock host."
    capabilities = (Capability.JOBS,)

    def run(self, host: Host, config: Config, context: Context) -> dict[str, Any]:
        match config.action:
            case "secret":
                host.create_secret([])
            case "object":
                host.create_object("")
            case "log":
                host.log(Level.INFO, "hello")
            case "logs":
                list(host.create_job(JobSpec("a")).logs())
            case name:
                host.create_job(JobSpec(name))
        return {"status": "completed"}


def refused(action: Any, *arguments: Any, **options: Any) -> ToolError:
    with pytest.raises(ToolError) as caught:
        action(*arguments, **options)
    return caught.value


@pytest.mark.parametrize(
    ("action", "capability"),
    [("secret", "SECRETS"), ("object", "OBJECTS"), ("log", "PROGRESS"), ("logs", "LOGS")],
)
def test_denies_what_the_tool_does_not_declare(action: str, capability: str) -> None:
    host = MockHost()
    error = refused(host.call, Probe, {"action": action})
    assert error.code == Code.DENIED
    assert f"`Capability.{capability}`" in error.message
    assert host.call(Probe, {"action": "a-job"}) == {"status": "completed"}


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a\n", "x" * 53])
def test_refuses_names_of_jobs_that_a_real_host_refuses(name: str) -> None:
    error = refused(MockHost().create_job, JobSpec(name))
    assert error.code == Code.INVALID_REQUEST
    assert error.message.startswith("invalid job name `")
    assert "\n" not in error.message


@pytest.mark.parametrize("names", [["1A"], ["A", "A"], ["A-B"], [""], ["A\n"], ["É"]])
def test_refuses_names_of_variables_that_a_real_host_refuses(names: list[str]) -> None:
    error = refused(MockHost().create_secret, [SecretEntry.text(name, "") for name in names])
    assert error.code == Code.INVALID_REQUEST
    assert all(is_variable_name(name) for name in names) == ("duplicate" in error.message)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0", "é" * 128])
def test_refuses_names_of_files_that_a_real_host_refuses(name: str) -> None:
    host = MockHost()
    error = refused(host.create_job, JobSpec("a", script=(name, host.create_object("x"))))
    assert error.code == Code.INVALID_REQUEST
    assert error.message.startswith("invalid file name `")


def test_a_sealed_value_is_only_taken_in_the_environment() -> None:
    host = MockHost()
    environment = host.create_secret([SecretEntry.text("A", f"x{SEALED}")])
    assert environment.names() == ["A"]
    host.create_job(JobSpec("a", environment=environment))
    error = refused(host.create_job, JobSpec("a", command=["echo", f"--key={SEALED}"]))
    assert (error.code, error.field) == (Code.SECRET_IN_SPEC, "command")
    host.create_job(JobSpec("a", command=["open", "unsealed.txt"]))


def test_a_sealed_value_is_not_expanded_in_a_command() -> None:
    host = MockHost()
    entries = [SecretEntry.text("A", SEALED), SecretEntry.text("B", "b"), SecretEntry.json("NOETL_ARGS", SEALED)]
    environment = host.create_secret(entries)
    error = refused(host.create_job, JobSpec("a", command=["echo", "$(A)"], environment=environment))
    assert (error.code, error.hint) == (
        Code.SECRET_IN_SPEC,
        "have the program read the environment variable `A` itself",
    )
    host.create_job(JobSpec("a", command=["echo", "$$(A) $(B) $(NOETL_ARGS) $A"], environment=environment))


def test_a_secret_is_not_shown_by_its_entry() -> None:
    assert "hush" not in repr(SecretEntry.json("A", "hush"))


def test_strings_are_checked_before_they_reach_the_host() -> None:
    host: Any = MockHost()
    typed: list[Callable[[], object]] = [
        lambda: host.fetch_object(1),
        lambda: host.create_job(JobSpec(1)),  # type: ignore[arg-type]
        lambda: host.log(Level.INFO, b"x"),
        lambda: host.report("a", "b", {"c": 1}),
        lambda: host.create_secret([SecretEntry.text("A", 1)]),  # type: ignore[arg-type]
        lambda: host.create_job(JobSpec("a")).cancel(None),
    ]
    for action in typed:
        with pytest.raises(TypeError, match="expected a string, not `"):
            action()
    encoded: list[Callable[[], object]] = [
        lambda: host.fetch_object("\ud800"),
        lambda: host.log(Level.INFO, "\ud800"),
        lambda: host.create_secret([SecretEntry.text("A", "\ud800")]),
    ]
    for action in encoded:
        with pytest.raises(UnicodeEncodeError):
            action()
    assert [type(call) for call in host.calls] == [CreateJob]


def test_fails_one_operation_as_configured() -> None:
    host = MockHost().fails(CreateObject, ToolError("Full", "full"))
    assert refused(host.create_object, b"a").code == "Full"
    assert host.create_object("é").read_all(2) == "é".encode()
    assert host.calls == [CreateObject(b"a"), CreateObject("é".encode())]


def test_options_are_json_and_their_names_those_of_the_host() -> None:
    host = MockHost(objects={"a": b"x"})
    host.fetch_object("a", timeout=timedelta(seconds=1.5), max_bytes=3, auth=None, **{"x-y": [1]})
    (fetched,) = host.calls_of(FetchObject)
    assert fetched.options == {"timeout-ms": 1500, "max-bytes": 3, "x-y": [1]}
    spec = JobSpec("a", command=("sh",), image="i", options={"backoffLimit": 2, "image": "other"})
    host.create_job(spec)
    (created,) = host.calls_of(CreateJob)
    assert created == CreateJob("a", {"backoffLimit": 2, "image": "i", "command": ["sh"]})
    error = refused(host.fetch_object, "a", headers={1, 2})
    assert (error.code, error.message.split(":")[0]) == (
        Code.INVALID_REQUEST,
        "option `headers` cannot be written as JSON",
    )


def test_an_object_is_read_in_parts_and_verified() -> None:
    host = MockHost(objects={"a": b"0123456789"})
    found = host.fetch_object("a")
    assert (found.read(8, 5), found.read(10, 5), found.size_bytes) == (b"89", b"", 10)
    assert refused(found.read_all, 9).message == "the object has 10 bytes; at most 9 are allowed"
    assert host.fetch_object("a", sha256=found.metadata["sha256"]).metadata["uri"] == "a"
    assert refused(host.fetch_object, "a", sha256="0" * 64).code == Code.CHECKSUM_MISMATCH
    assert refused(host.fetch_object, "b").code == Code.FETCH_NOT_FOUND
    for offset, count in ((-1, 1), (0, -1), (1 << 64, 1), (0, 1 << 32)):
        with pytest.raises(ValueError, match="expected an integer from 0 to"):
            found.read(offset, count)


def test_reports_the_events_of_a_job_that_succeeds_late() -> None:
    job = MockHost(jobs=[MockJob([MockAttempt.exits(1), MockAttempt.exits(0)])]).create_job(JobSpec("a"))
    events = list(job.events())
    assert [event.attempt for event in events] == [1, 1, 0, 2, 2, 0]
    assert BackingOff(elapsed=timedelta(seconds=1), wait=timedelta(seconds=10)) in events
    assert events[-1] == JobFinished(elapsed=timedelta(seconds=12), end=JobEnd(JobStatus.SUCCEEDED, 1, 1))
    assert job.watch(NOW) is None


def test_a_job_that_fails_says_why() -> None:
    job = MockHost(jobs=[MockJob.fails(3)]).create_job(JobSpec("a"))
    events = list(job.events())
    ended = events[1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.exit_code, ended.explanation.reason) == (3, Code.SCRIPT_ERROR)
    finished = events[-1]
    assert isinstance(finished, JobFinished)
    assert finished.end.explanation.reason == Code.BACKOFF_LIMIT_EXCEEDED


def test_a_job_that_never_ends_can_be_cancelled() -> None:
    host = MockHost(jobs=[MockJob([MockAttempt.exits(0)], never_ends=True, adopted=True)])
    job = host.create_job(JobSpec("a"))
    assert (job.name, job.metadata["adopted"]) == ("a", "true")
    assert job.watch(NOW) is not None
    assert refused(job.watch, NOW).code == Code.TIMEOUT
    job.cancel("enough")
    assert job.wait().status == JobStatus.CANCELLED
    job.cancel("again")
    assert job.watch(NOW) is None


def test_reads_logs_by_pages_lines_and_excerpts() -> None:
    attempts = [MockAttempt.exits(1, "a\n\nb\n"), MockAttempt.exits(0, "ééé"), MockAttempt.exits(0)]
    host = MockHost(jobs=[MockJob(attempts)])
    job = host.create_job(JobSpec("a"))
    page = job.read_logs(0, 2, NOW)
    assert ([record.text for record in page.records], page.next_cursor, page.ended) == (["a", ""], 2, False)
    assert [(record.attempt, record.text) for record in job.logs()] == [(1, "a"), (1, ""), (1, "b"), (2, "ééé")]
    assert refused(job.read_logs, 99, 1, NOW).code == Code.INVALID_REQUEST
    assert ReadLogs(99) in host.calls

    excerpt = job.read_excerpt(2, 5)
    assert (excerpt.head, excerpt.tail, excerpt.total_bytes, excerpt.omitted_bytes) == ("é", "é", 6, 2)
    assert job.read_excerpt(7).total_bytes == 0
    assert all(isinstance(call, Call) for call in host.calls)
