"""Trials of a sweep that another process has begun: a task for engines, and the function that runs their jobs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.api.jobs import Registry, Resolved, components
from zoo.api.running import Budget, Callback, Observer, RunPlace, run_job
from zoo.errors import OutputError, ZooError
from zoo.reports.kit.pages import write_report
from zoo.runs import RunResult
from zoo_search.plan import load_plan
from zoo_search.sweep import Sweep, SweepWatcher
from zoo_search.trial_end import TrialEnd


@dataclass(frozen=True)
class SweepTask:
    """Claims a trial of a sweep, runs it, and records its outcome in the sweep's journal. Can be pickled.

    Args:
        folder: the sweep's folder.
        working: working folder of the command, which relative paths refer to.
    """

    folder: Path
    working: Path

    @classmethod
    def of(cls, sweep: Sweep) -> SweepTask:
        """The task of a sweep, as of the current working folder."""
        return cls(sweep.folder, Path.cwd())

    def __call__(self) -> TrialEnd | None:
        """Run a trial; None where none is left. A trial whose process was killed is resumed by the next call."""
        try:
            self._enter()
            return join(self.folder).run_next()
        except ZooError as error:
            return TrialEnd(problem=str(error), exit_code=error.exit_code)

    def _enter(self) -> None:
        """Change to the command's working folder.

        Raises:
            OutputError: this machine does not have it, or not the sweep's folder.
        """
        try:
            os.chdir(self.working)
        except OSError as error:
            raise self._not_shared(self.working) from error
        if not self.folder.is_dir():
            raise self._not_shared(self.folder)

    def _not_shared(self, folder: Path) -> OutputError:
        return OutputError(
            f"{os.uname().nodename} has no folder {folder}. All machines need the working folder, the data and the "
            "sweep at the same paths, as on a shared file system."
        )


def join(folder: Path) -> Sweep:
    """Open a sweep in order to run some of its trials, without a report.

    Raises:
        RequestError: the folder is not that of a sweep.
    """
    registry = components()
    return Sweep(folder, load_plan(folder), registry, run_of(registry), SweepWatcher())


def run_of(registry: Registry) -> Callable[..., RunResult]:
    """Return the function that runs the job of a trial."""

    def run_one(
        resolved: Resolved,
        callbacks: Sequence[Callback],
        place: RunPlace,
        observer: Observer,
        budget: Budget | None = None,
    ) -> RunResult:
        try:
            return run_job(
                resolved, registry.plugins, observer, place, write_report, callbacks=callbacks, budget=budget
            )
        finally:
            observer.close()

    return run_one
