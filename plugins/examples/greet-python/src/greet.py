"""Greets someone from a job."""

from dataclasses import dataclass
from typing import Annotated

from noetl_tool_sdk import Capability, Context, Host, JobSpec, SecretEntry, Status, Tool


@dataclass
class Config:
    """The configuration in the playbook, without `kind: greet`."""

    name: Annotated[str, "Whom to greet. If it depends on a secret, the tool does not learn its value."]


@dataclass
class Outcome:
    """What came of it."""

    status: Status
    output: str


class Greet(Tool[Config]):
    """The tool."""

    kind = "greet"
    version = "0.1.0"
    summary = "Greets someone from a job."
    capabilities = (Capability.SECRETS, Capability.JOBS, Capability.LOGS)

    def run(self, host: Host, config: Config, context: Context) -> Outcome:
        environment = host.create_secret([SecretEntry.text("NAME", config.name)])
        spec = JobSpec(
            f"greet-{context.execution_id or 0}",
            image="alpine:3.22",
            command=["sh", "-c", 'echo "Hello, $NAME!"'],
            environment=environment,
        )
        job = host.create_job(spec)
        end = job.wait()
        return Outcome(Status.of(end.status), job.read_excerpt().head)
