"""A worker of ``zoo ray run``: the code of ``zoo run`` under torchrun, in a process that Ray Train has started."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO, cast

from zoo.api.jobs import Request
from zoo.api.running import Callback, RunPlace, TrainState
from zoo.errors import PeerLost, RequestError, ZooError
from zoo_ray.mailbox import MailboxStream, WorkerOutcome

_ASK_S = 0.5
"""Seconds between two questions whether to stop."""


@dataclass(frozen=True)
class RayRun:
    """A requested run.

    Args:
        request: the requested job.
        place: location of the run, with a name.
        folder: working folder, which relative paths refer to and each node must have.
        quiet: report the last line only.
        verbose: report intervals and calibration.
        again: a group of workers was lost before.
    """

    request: Request
    place: RunPlace
    folder: Path
    quiet: bool = False
    verbose: bool = False
    again: bool = False


def train(config: dict[str, Any]) -> None:
    """Run the job in this worker; Ray Train calls it in every worker.

    A lost peer and an error outside of the zoo are raised, so that Ray starts the group again. An error of the zoo, or
    of a component, would be the same again, and becomes the outcome.

    Args:
        config: ``run``, a :class:`RayRun`, and ``mailbox``, the handle of its :class:`Mailbox`.
    """
    import ray
    from ray.train.collective import broadcast_from_rank_zero

    run, mailbox, rank = config["run"], config["mailbox"], int(os.environ["RANK"])
    attempt = broadcast_from_rank_zero(ray.get(mailbox.begin.remote()) if rank == 0 else 0)
    outcome = _outcome(run if attempt == 1 else _again(run, mailbox, rank, attempt), mailbox, rank)
    ray.get(mailbox.end.remote(rank, outcome))
    if outcome.exit_code:
        _leave()


def _outcome(run: RayRun, mailbox: Any, rank: int) -> WorkerOutcome:
    """Execute the run, or read the result of one that had ended before a worker was lost."""
    import ray

    from zoo.api.jobs import describe_failure
    from zoo.api.running import ended_result

    try:
        _enter(run.folder)
        done = ended_result(run.place.out / str(run.place.name)) if run.again else None
        return WorkerOutcome(document=_run(run, mailbox, rank) if done is None else done.document())
    except PeerLost as error:
        if not ray.get(mailbox.failed.remote()):
            raise
        return WorkerOutcome(error.exit_code, str(error))
    except ZooError as error:
        return WorkerOutcome(error.exit_code, str(error))
    except Exception as error:
        traceback.print_exc()  # into Ray's logs
        text = describe_failure(error)
        if text is None:
            raise
        return WorkerOutcome(1, text)


def _leave() -> None:
    """Leave the process group, so that workers that wait for this one end, too."""
    import torch.distributed as dist

    with contextlib.suppress(Exception):
        dist.destroy_process_group()


def _again(run: RayRun, mailbox: Any, rank: int, attempt: int) -> RayRun:
    """The run as a group resumes it that replaces a lost one."""
    if rank == 0:
        text = f"a worker was lost or failed; continuing from the last checkpoint (restart {attempt - 1}) …\n"
        mailbox.write.remote(text)
    return replace(run, place=replace(run.place, overwrite=False, resume=True), again=True)


def _run(run: RayRun, mailbox: Any, rank: int) -> dict[str, Any] | None:
    """Execute the run, and return its result in the first worker."""
    from zoo.api import components, execute
    from zoo.api.jobs import resolve
    from zoo.reports.kit.text import make_observer

    registry = components()
    resolved = resolve(run.request, registry)
    if rank:
        execute(resolved, registry, run.place, make_observer(stdout=io.StringIO()))
        return None
    stream = cast(TextIO, MailboxStream(mailbox))
    observer = make_observer(run.quiet, stdout=stream, verbose=run.verbose)
    with _stop_requests(mailbox) as stopping:
        return dict(execute(resolved, registry, run.place, observer, callbacks=[stopping]))


def _enter(folder: Path) -> None:
    """Change to the command's working folder.

    Raises:
        RequestError: this node does not have it.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise RequestError(
            f"The node {os.uname().nodename} of the Ray cluster has no folder {folder}. All nodes need the working "
            "folder, the data and the folder of runs at the same paths, as on a shared file system."
        ) from error


class StopOnRequest(Callback):
    """Interrupts the run at the end of a step once the command asks for it."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def step_end(self, state: TrainState) -> None:
        if self.asked.is_set():
            state.interrupt()


@contextlib.contextmanager
def _stop_requests(mailbox: Any) -> Iterator[StopOnRequest]:
    """Ask the mailbox regularly, in a thread, for the length of a block."""
    stopping, done = StopOnRequest(), threading.Event()
    thread = threading.Thread(target=_watch, args=(mailbox, stopping.asked.set, done), daemon=True)
    thread.start()
    try:
        yield stopping
    finally:
        done.set()


def _watch(mailbox: Any, stop: Callable[[], None], done: threading.Event) -> None:
    import ray

    while not done.wait(_ASK_S):
        if ray.get(mailbox.stopping.remote()):
            stop()
            return
