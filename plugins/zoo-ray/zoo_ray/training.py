"""``zoo ray run``: start the workers by Ray Train, show the report of the first one, and restart lost ones."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from zoo.api.commands import Interrupts
from zoo.errors import Interrupted, PeerLost, RequestError, TrainingError, ZooError
from zoo.runs import is_run
from zoo_ray.cluster import FREE_S, WorkerSize, logs_of, nodes_in_words, require_room, workers_in_words
from zoo_ray.failures import explain
from zoo_ray.mailbox import Mailbox, WorkerOutcome, open_actor
from zoo_ray.worker import RayRun, train

_POLL_S = 0.2
_GRACE_S = 15.0
"""Seconds that the remaining workers have to end after one has ended with an error."""
_STOP_S = 120.0
"""Seconds that the workers have to interrupt the run."""


@dataclass(frozen=True)
class WorkerGroup:
    """The workers of a run.

    Args:
        count: number of workers.
        size: resources of each.
        max_failures: number of times that a group with a lost worker is started again.
        wait_s: seconds to wait for resources; None for a minute, if the cluster is large enough.
    """

    count: int
    size: WorkerSize
    max_failures: int
    wait_s: float | None = None


class RayTraining:
    """A run on a Ray cluster.

    Args:
        ray: the module, connected to a cluster.
        run: the requested run.
        group: its workers.
        stream: gets the report of the first worker.
    """

    def __init__(self, ray: Any, run: RayRun, group: WorkerGroup, stream: TextIO):
        self.ray, self.run, self.group, self.stream = ray, run, group, stream
        self.mailbox: Any = None
        self.problem: BaseException | None = None
        self.stopped = False

    def fit(self) -> dict[str, Any]:
        """Train until the run has ended.

        Returns:
            The result, as result.json has it.

        Raises:
            RequestError: the job or the cluster is unsuitable.
            TrainingError: the run failed, or its workers were lost too often.
            Interrupted: by the user or a signal; the run can be resumed.
        """
        require_room(self.ray, self.group.count, self.group.size, self.group.wait_s or 0.0)
        self.mailbox = open_actor(self.ray, Mailbox)
        self._announce()
        with _scratch(self.run.place.out, str(self.run.place.name)) as scratch:
            thread = threading.Thread(target=self._fit, args=(scratch,), daemon=True)
            thread.start()
            outcomes = self._watched(thread)
        return self._result(outcomes)

    def _announce(self) -> None:
        """Say what starts, since the first line of the report follows after many seconds."""
        if not self.run.quiet:
            workers = workers_in_words(self.group.count, self.group.size)
            self.stream.write(f"starting {workers} on {nodes_in_words(self.ray)} …\n")
            self.stream.flush()

    def _fit(self, scratch: Path) -> None:
        """Run Ray's trainer; in a thread, since its handler of Ctrl-C would end the process with code 0."""
        try:
            self._trainer(scratch).fit()
        except BaseException as error:
            self.problem = error

    def _trainer(self, scratch: Path) -> Any:
        os.environ["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = str(self.group.wait_s or FREE_S)
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer

        gpus = self.group.size.gpus > 0
        return TorchTrainer(
            train,
            train_loop_config={"run": self.run, "mailbox": self.mailbox},
            scaling_config=ScalingConfig(
                num_workers=self.group.count, use_gpu=gpus, resources_per_worker=self.group.size.resources
            ),
            torch_config=TorchConfig(backend="nccl" if gpus else "gloo"),
            run_config=RunConfig(
                name=scratch.name,
                storage_path=str(scratch.parent),
                failure_config=FailureConfig(max_failures=self.group.max_failures, controller_failure_limit=0),
                worker_runtime_env={} if gpus else {"env_vars": {"CUDA_VISIBLE_DEVICES": ""}},
            ),
        )

    def _watched(self, thread: threading.Thread) -> dict[int, WorkerOutcome]:
        """Show the report until the trainer has ended, and return the outcomes by rank."""
        with Interrupts().listening():
            try:
                return self._shown(thread, None)
            except KeyboardInterrupt:
                self.stopped = True
                self.mailbox.stop.remote()
                return self._shown(thread, time.monotonic() + _STOP_S)

    def _shown(self, thread: threading.Thread, end: float | None) -> dict[int, WorkerOutcome]:
        """Show the report until the trainer has ended, or until a time by :func:`time.monotonic`.

        Once a worker has ended with an error, the others have a few seconds.
        """
        while True:
            running = thread.is_alive()
            text, outcomes = self.ray.get(self.mailbox.take.remote())
            if text:
                self.stream.write(text)
                self.stream.flush()
            if end is None and any(outcome.exit_code for outcome in outcomes.values()):
                end = time.monotonic() + _GRACE_S
            if not running or (end is not None and time.monotonic() > end):
                return dict(outcomes)
            time.sleep(_POLL_S)

    def _result(self, outcomes: dict[int, WorkerOutcome]) -> dict[str, Any]:
        """Return the first worker's result, or raise the error that ended the run."""
        failed = [outcome for _, outcome in sorted(outcomes.items()) if outcome.exit_code]
        if failed:
            raise _error_of(min(failed, key=lambda outcome: outcome.exit_code == PeerLost.exit_code))
        document = outcomes[0].document if 0 in outcomes else None
        if document is not None:
            return document
        raise self._without_result() from self.problem

    def _without_result(self) -> ZooError:
        """The error of a run that no worker has ended."""
        place = self.run.place
        folder = place.out / str(place.name)
        resume = f" Resume with: zoo ray run --resume {folder} --workers {self.group.count}" if is_run(folder) else ""
        if self.stopped:
            kept = "the last checkpoint is kept." if resume else "nothing was trained."
            return Interrupted(f"Interrupted; {kept}{resume}")
        text = f"{explain(self.problem, self.group.max_failures, logs_of(self.ray))}{resume}"
        return TrainingError(text) if resume else RequestError(text)


def _error_of(outcome: WorkerOutcome) -> ZooError:
    """The error of a worker, as raised in this process."""
    kinds: dict[int, type[ZooError]] = {Interrupted.exit_code: Interrupted, RequestError.exit_code: RequestError}
    text = outcome.text.replace("zoo run --resume", "zoo ray run --resume")
    return kinds.get(outcome.exit_code, TrainingError)(text)


@contextlib.contextmanager
def _scratch(out: Path, name: str) -> Iterator[Path]:
    """A folder for Ray Train beside the run, by which it also checks that all nodes share the file system."""
    new, folder = not out.exists(), out.absolute() / f".{name}.ray"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if new:
            with contextlib.suppress(OSError):  # the run is in it
                out.rmdir()
