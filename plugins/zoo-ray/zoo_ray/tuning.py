"""The engine ``ray`` of ``zoo sweep``: Ray Tune places the trials, and the sweep's journal draws and prunes them."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import TrainingError
from zoo_ray.cluster import WorkerSize, connected, logs_of, require_free, require_room, room_for
from zoo_ray.mailbox import open_actor
from zoo_ray.variables import hide_gpus, worker_count, worker_size

if TYPE_CHECKING:
    from zoo_search.joining import SweepTask
    from zoo_search.sweep import Sweep
    from zoo_search.trial_end import TrialEnd

_RETRIES = 3
"""Number of times that a trial with a lost worker or node is resumed."""


class RayTrials:
    """Runs the trials of a sweep on a Ray cluster, as many at a time as it has CPUs, or GPUs.

    Args:
        address: ``HOST:PORT`` or ``auto``; None for ``RAY_ADDRESS``, or a new cluster of this machine.
    """

    def __init__(self, address: str | None = None):
        self.address = address

    def __call__(self, sweep: Sweep) -> None:
        """Run trials until all have ended.

        Raises:
            RequestError: Ray is not installed, the cluster does not answer, or has no room for a trial.
            TrainingError: trials are missing although Ray Tune has ended.
        """
        with connected(self.address) as ray:
            size = worker_size(ray)
            require_room(ray, 1, size)
            require_free(ray, size)
            with _scratch(sweep.folder) as scratch:
                _Search(ray, sweep, size, scratch).run()


class _Search:
    """The trials of a sweep under Ray Tune, which runs in a thread while this one reports."""

    def __init__(self, ray: Any, sweep: Sweep, size: WorkerSize, scratch: Path):
        self.ray, self.sweep, self.size, self.scratch = ray, sweep, size, scratch
        self.inbox = open_actor(ray, Inbox)
        self.problem: BaseException | None = None

    def run(self) -> None:
        """Run until no trial is open."""
        thread = threading.Thread(target=self._fit, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.5)
            self.sweep.receive(self.ray.get(self.inbox.take.remote()))
        self.sweep.receive(self.ray.get(self.inbox.take.remote()))
        if self.sweep.open_trials():
            why = f": {self.problem}" if self.problem else ""
            raise TrainingError(f"Ray Tune has ended before all trials{why}. Ray's logs: {logs_of(self.ray)}.")

    def _fit(self) -> None:
        try:
            self._tuner().fit()
        except BaseException as error:
            self.problem = error

    def _tuner(self) -> Any:
        from ray import tune

        from zoo_search.joining import SweepTask

        task, inbox, size = SweepTask.of(self.sweep), self.inbox, self.size

        def trial(config: dict[str, Any]) -> None:
            hide_gpus(size)
            run_trial(task, inbox)

        limit = min(worker_count() or self.sweep.plan.trials, room_for(self.ray, self.size))
        return tune.Tuner(
            tune.with_resources(trial, self.size.resources),
            tune_config=tune.TuneConfig(
                num_samples=self.sweep.open_trials(), max_concurrent_trials=limit, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                name=self.scratch.name,
                storage_path=str(self.scratch.parent),
                failure_config=tune.FailureConfig(max_failures=_RETRIES),
                verbose=0,
            ),
        )


def run_trial(task: SweepTask, inbox: Any) -> None:
    """Run a trial in a worker, and report its value to Ray Tune."""
    import ray
    from ray import tune

    end = task()
    ray.get(inbox.put.remote(end))
    tune.report({} if end is None or end.value is None else {"value": end.value, "trial": end.number})


class Inbox:
    """An actor on the command's machine that collects the ends of trials."""

    def __init__(self) -> None:
        self._ends: list[TrialEnd | None] = []

    def put(self, end: TrialEnd | None) -> None:
        """Add an end."""
        self._ends.append(end)

    def take(self) -> list[TrialEnd | None]:
        """Return the ends since the last call."""
        found, self._ends = self._ends, []
        return found


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for Ray Tune in that of the sweep, which all nodes share."""
    scratch = folder.absolute() / ".ray"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
