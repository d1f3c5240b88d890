"""Messages between the command and its workers: lines of the report, outcomes, and the request to stop."""

from __future__ import annotations

import io
from typing import Any, NamedTuple


class WorkerOutcome(NamedTuple):
    """How a worker's run ended, unless the worker was lost.

    Args:
        exit_code: exit code of ``zoo run``.
        text: message of the error; empty for a finished run.
        document: result of the run, as result.json has it; None after an error.
    """

    exit_code: int = 0
    text: str = ""
    document: dict[str, Any] | None = None


class Mailbox:
    """An actor of Ray on the command's machine, without resources of its own."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._outcomes: dict[int, WorkerOutcome] = {}
        self._attempts = 0
        self._stopping = False

    def begin(self) -> int:
        """Count the start of a group of workers; the first one is 1."""
        self._attempts += 1
        return self._attempts

    def write(self, text: str) -> None:
        """Add text of the report."""
        self._lines.append(text)

    def take(self) -> tuple[str, dict[int, WorkerOutcome]]:
        """Return the text since the last call, and the outcomes by rank."""
        text = "".join(self._lines)
        self._lines.clear()
        return text, dict(self._outcomes)

    def end(self, rank: int, outcome: WorkerOutcome) -> None:
        """Record a worker's outcome."""
        self._outcomes[rank] = outcome

    def failed(self) -> bool:
        """Return True once a worker has ended with an error."""
        return any(outcome.exit_code for outcome in self._outcomes.values())

    def stop(self) -> None:
        """Ask the workers to interrupt the run."""
        self._stopping = True

    def stopping(self) -> bool:
        """Return True once the workers are asked to interrupt the run."""
        return self._stopping


def open_actor(ray: Any, kind: type) -> Any:
    """Start an actor on the node of this process, so that it can't be lost with another one."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(kind).remote()


class MailboxStream(io.TextIOBase):
    """A text stream whose lines appear in the command's terminal.

    Args:
        mailbox: handle of the actor.
    """

    def __init__(self, mailbox: Any):
        super().__init__()
        self.mailbox, self._open = mailbox, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._open += text
        if "\n" in text:
            whole, _, self._open = self._open.rpartition("\n")
            self.mailbox.write.remote(f"{whole}\n")
        return len(text)
