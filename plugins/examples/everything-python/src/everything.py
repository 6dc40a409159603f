"""Does what its configuration says with every capability."""

import importlib
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from noetl_tool_sdk import (
    Capability,
    Context,
    Fields,
    Host,
    JobFinished,
    JobSpec,
    JobWarning,
    Key,
    Level,
    SecretEntry,
    Status,
    Tool,
    ToolError,
)

MAX_SHOWN_BYTES = 64 << 10
ENOUGH = timedelta(seconds=1)


class Action(Enum):
    """What the tool does."""

    PRINT = "print"
    REPORT = "report"
    RAISE = "raise"
    REFUSE = "refuse"
    EXIT = "exit"
    RECURSE = "recurse"
    IMPORT = "import"
    OPEN = "open"
    FETCH = "fetch"
    SECRET = "secret"
    RUN = "run"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Program:
    """What a job runs."""

    command: Annotated[list[str], "The program and its arguments."] = field(default_factory=lambda: ["true"])
    script: Annotated[str | None, "The content of a script, whose path is in `NOETL_SCRIPT`."] = None
    retries: Annotated[int, "How often it is run again.", Key("backoff-limit"), {"minimum": 0, "maximum": 5}] = 0


@dataclass(frozen=True)
class Config:
    """What to do, and with what."""

    action: Action
    text: Annotated[str, "A text to print, to report, to raise, to open, to import or to keep secret."] = "text"
    uri: Annotated[str | None, "The object to fetch."] = None
    sha256: Annotated[str | None, "The digest that it must have."] = None
    job: Program = field(default_factory=Program)


class Everything(Tool[Config]):
    """The tool."""

    kind = "everything"
    version = "0.1.0"
    summary = "Does what its configuration says with every capability."
    capabilities = tuple(Capability)
    fields = Fields(objects={"": ""}, jobs={"": "job", "backoffLimit": "job.backoff-limit", "environment.TEXT": "text"})

    def run(self, host: Host, config: Config, context: Context) -> dict[str, Any]:
        match config.action:
            case Action.PRINT:
                print(config.text)
                print(config.text, file=sys.stderr)
            case Action.REPORT:
                host.report("reporting", config.text, {"engine": context.engine or ""})
                host.log(Level.WARN, config.text)
            case Action.RAISE:
                raise ValueError(config.text)
            case Action.REFUSE:
                raise ToolError("Refused", config.text, retryable=True, hint="choose another `action`", field="action")
            case Action.EXIT:
                sys.exit(3)
            case Action.RECURSE:
                self.run(host, config, context)
            case Action.IMPORT:
                importlib.import_module(config.text)
            case Action.OPEN:
                return completed(Path(config.text).read_text(encoding="utf-8"))
            case Action.FETCH:
                return fetch(host, config)
            case Action.SECRET:
                secret = host.create_secret([SecretEntry.text("TEXT", config.text)])
                return completed(" ".join(secret.names()))
            case Action.RUN | Action.CANCEL:
                return run(host, config, context)
        return completed("")


def completed(output: str) -> dict[str, Any]:
    """Returns the outcome of work that was done."""
    return {"status": Status.COMPLETED, "output": output}


def fetch(host: Host, config: Config) -> dict[str, Any]:
    """Fetches an object and shows it."""
    if config.uri is None:
        raise ToolError.invalid("uri", "missing key `uri`")
    found = host.fetch_object(config.uri, sha256=config.sha256, timeout=timedelta(seconds=30))
    content = found.read_all(MAX_SHOWN_BYTES)
    return {**completed(content.decode(errors="replace")), "digest": found.metadata["sha256"]}


def run(host: Host, config: Config, context: Context) -> dict[str, Any]:
    """Runs a job with the text as a secret variable, and returns its events and its lines."""
    script = None if config.job.script is None else ("script.sh", host.create_object(config.job.script))
    spec = JobSpec(
        f"everything-{context.execution_id}",
        command=config.job.command,
        image="alpine:3.22",
        script=script,
        environment=host.create_secret([SecretEntry.text("TEXT", config.text)]),
        options={"backoffLimit": config.job.retries},
    )
    job = host.create_job(spec)
    if config.action is Action.CANCEL:
        job.watch(ENOUGH)
        job.cancel("as configured")
    events, status, warnings = [], Status.FAILED, []
    for event in job.events():
        events.append(type(event).__name__)
        match event:
            case JobWarning(message=message):
                warnings.append(message)
            case JobFinished(end=end):
                status = Status.of(end.status)
    lines = [f"{record.attempt}: {record.text}" for record in job.logs()]
    excerpt = job.read_excerpt(max_bytes=MAX_SHOWN_BYTES)
    return {
        "status": status,
        "output": excerpt.head,
        "events": events,
        "warnings": warnings,
        "lines": lines,
        "engine": job.metadata.get("engine"),
    }
