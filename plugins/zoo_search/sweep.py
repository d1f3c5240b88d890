"""A sweep: trials of one job with different values, each an ordinary run in the sweep's folder.

``OUT/NAME/`` holds ``sweep.yaml`` (the plan), ``journal.jsonl`` (Optuna's record of the trials), ``trial-0001/`` and so
on (the runs), ``sweep.json`` (the results) and ``best.yaml`` (the best trial's job).
"""

from __future__ import annotations

import contextlib
import gc
import math
import shutil
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from zoo.api.jobs import Registry, resolve
from zoo.api.running import Budget, Observer, RunPlace, ended_result
from zoo.errors import ContractError, DataError, Interrupted, OutputError, RequestError, TrainingError, ZooError
from zoo.runs import JOB, RunResult, check_name, made_up_name
from zoo.storage import write_json, write_text
from zoo_search.document import BEST, DOCUMENT, document
from zoo_search.plan import BASE, PLAN, SweepPlan
from zoo_search.pruning import PRUNED, Pruning
from zoo_search.store import Store, SweepTrial, TrialOutcome
from zoo_search.trial_end import TrialEnd

RunOne = Callable[..., RunResult]
"""Runs a job: takes the job, callbacks, a place, an observer and, by keyword, the ``budget`` of a sweep with one."""
_POLL_S = 0.5
HOPELESS = 5
"""Number of trials after which a sweep without any success is aborted."""


class SweepWatcher:
    """Observes a sweep for a report; every method does nothing unless it is overridden."""

    def began(self, found: dict[str, Any]) -> None:
        """Observe the start or the resumption of the sweep; ``found`` is its document."""

    def trial(self, trial: SweepTrial, count: int) -> Observer:
        """Return the observer for a trial that is about to start or resume."""
        return Observer()

    def told(self, row: dict[str, Any], found: dict[str, Any]) -> None:
        """Observe the end of a trial; ``row`` is its part of the document."""

    def waiting(self, running: int) -> None:
        """Observe that no trial is left, while ``running`` trials of other processes continue."""

    def ended(self, found: dict[str, Any]) -> None:
        """Observe the end of the sweep."""


def begin(out: Path, name: str | None, plan: SweepPlan, file: Path | None) -> Path:
    """Create a sweep's folder.

    Args:
        out: parent folder.
        name: name of the sweep; None for a random one.
        plan: plan of the sweep.
        file: requested job file, which is copied; None for none.

    Raises:
        RequestError: the name is taken.
        OutputError: the folder can't be written.
    """
    folder = out / check_name(name or made_up_name(out))
    if (folder / PLAN).is_file():
        raise RequestError(
            f"The sweep {folder} exists. Resume it: zoo sweep --resume {folder}; or give another --name."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestError(f"{folder} exists, but is not a sweep. Give another --name.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} can't be created: {error.strerror or error}. Choose another --out.") from error
    if file is not None:
        write_text(folder / BASE, file.read_text("utf-8"))
    plan.save(folder)
    return folder


class Sweep:
    """Works on a sweep until all its trials have ended, possibly together with other processes.

    Args:
        folder: the sweep's folder.
        plan: plan of the sweep.
        registry: provides the components.
        run_one: runs one job with callbacks, a place and an observer, and returns its result.
        watcher: observes the sweep.
        engine: runs the trials; by default one at a time in this process.
        new: this process created the sweep.
        begun: value of :func:`time.monotonic` at the start of the command, for a plan with a budget.
    """

    def __init__(
        self,
        folder: Path,
        plan: SweepPlan,
        registry: Registry,
        run_one: RunOne,
        watcher: SweepWatcher,
        *,
        engine: Callable[[Sweep], None] | None = None,
        new: bool = False,
        begun: float | None = None,
    ):
        self.folder, self.plan, self.registry, self.new = folder, plan, registry, new
        self.run_one, self.watcher = run_one, watcher
        self.store = Store(folder, plan)
        self.begun = time.monotonic() if begun is None else begun
        self.engine = engine or OneAtATime()
        self.trials_left = plan.trials - self._ended()
        self._reported = {row["number"] for row in self.store.rows() if row["status"] != "running"}

    def run(self) -> dict[str, Any]:
        """Run trials until the sweep has ended.

        Returns:
            The sweep's document.

        Raises:
            ZooError: a trial failed for a reason that affects all trials.
            Interrupted: by the user or a signal; the sweep can be resumed.
        """
        try:
            self.watcher.began(self._write("running"))
            self.engine(self)
            return self._write("completed")
        except (KeyboardInterrupt, Interrupted) as error:
            self._end_early("interrupted")
            raise Interrupted(self._resume_message("Interrupted")) from error.__cause__
        except ZooError as error:
            if self._remove_if_empty():
                raise
            self._end_early("failed")
            raise type(error)(f"{error} {self._resume_message('The sweep is blocked')}") from error

    def open_trials(self) -> int:
        """Number of trials that have not ended."""
        return self.plan.trials - self._ended()

    def run_next(self) -> TrialEnd | None:
        """Run a trial in this process; None where none is left to start."""
        trial = self.store.claim()
        if trial is None:
            return None
        self._run_trial(trial)
        row = self.store.rows()[trial.number - 1]
        return TrialEnd(trial.number, row["status"], row["value"])

    def wait(self) -> None:
        """Wait a moment while trials run in other processes."""
        running = [row for row in self.store.rows() if row["status"] == "running"]
        if running:
            self.watcher.waiting(len(running))
        time.sleep(_POLL_S)

    def receive(self, ends: Iterable[TrialEnd | None] = ()) -> None:
        """Report the trials that have ended in other processes.

        Args:
            ends: what tasks have returned.

        Raises:
            ZooError: a task met an error that affects all trials.
        """
        for end in ends:
            if end is not None and end.problem:
                raise end.error()
        rows = self.store.rows()
        ended = [row["number"] for row in rows if row["status"] != "running" and row["number"] not in self._reported]
        if ended:
            self._reported.update(ended)
            found = self._write("running")
            for number in ended:
                self.watcher.told(found["trials"][number - 1], found)

    def _run_trial(self, trial: SweepTrial) -> None:
        try:
            outcome = self._outcome(trial, self.watcher.trial(trial, self.plan.trials))
            self.store.tell(trial, outcome)
        finally:
            trial.lock.release()
            gc.collect()  # free the model, optimizer and images before the next trial allocates its own
        found = self._write("running")
        self._reported.add(trial.number)
        self.watcher.told(found["trials"][trial.number - 1], found)
        statuses = [row["status"] for row in found["trials"] if row["status"] != "running"]
        if len(statuses) >= HOPELESS and set(statuses) == {"failed"}:
            raise TrainingError(f"All of the first {len(statuses)} trials failed. The last one: {outcome.reason}")

    def _outcome(self, trial: SweepTrial, observer: Observer) -> TrialOutcome:
        folder = self.folder / trial.name
        result = ended_result(folder)  # the process may have been killed after the end of its run
        if result is not None:
            return outcome_of(result)
        resolved = resolve(self.plan.request(self.folder, trial.values), self.registry)
        place = RunPlace(self.folder, trial.name, resume=(folder / JOB).is_file())
        if folder.is_dir() and not place.resume:  # killed before the run began
            shutil.rmtree(folder)
        share = {} if place.resume else self._share()
        callbacks = [Pruning(trial.study, self.plan.monitor)]
        try:
            return outcome_of(self.run_one(resolved, callbacks, place, observer, **share))
        except (TrainingError, ContractError) as error:
            return TrialOutcome("failed", reason=str(error))
        except RequestError as error:  # caused by this trial's values, or by the job itself
            if isinstance(error, DataError) or not self._any_trained():
                raise
            return TrialOutcome("failed", reason=str(error))

    def _ended(self) -> int:
        return sum(row["status"] != "running" for row in self.store.rows())

    def _share(self) -> dict[str, Budget]:
        """Budget of the next trial: an equal share of the rest, after a resumption of the remaining trials' part."""
        if self.plan.budget_s is None:
            return {}
        mine = Budget(self.plan.budget_s * self.trials_left / self.plan.trials, self.begun)
        return {"budget": Budget(mine.left_s / max(1, self.plan.trials - self._ended()))}

    def _any_trained(self) -> bool:
        return any(row["status"] in ("completed", "pruned") for row in self.store.rows())

    def _write(self, status: str) -> dict[str, Any]:
        """Write the document, and the best trial's job."""
        with self.store.alone():
            importance = self.store.importance() if status != "running" else None
            found = document(self.folder, self.plan, status, self.store.rows(), importance)
            if found["best"] is not None:
                job = self.folder / found["trials"][found["best"]["number"] - 1]["run"] / JOB
                write_text(self.folder / BEST, job.read_text("utf-8"))
            write_json(self.folder / DOCUMENT, found)
        return found

    def _end_early(self, status: str) -> None:
        with contextlib.suppress(ZooError):  # a full disk: the original error is the one to report
            self._write(status)

    def _remove_if_empty(self) -> bool:
        """Remove a new sweep in which no trial was trained; True if it was removed."""
        if not self.new or len(self.store.rows()) > 1 or any(path.is_dir() for path in self.folder.iterdir()):
            return False
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()  # fails where another run is in it
        return True

    def _resume_message(self, what: str) -> str:
        kept = f"{what} after {self._ended()} of {self.plan.trials} trials; they are kept."
        return f"{kept} Resume with: zoo sweep --resume {self.folder}"


class OneAtATime:
    """Runs the trials of a sweep one at a time in this process, and waits for those of processes that have joined."""

    def __call__(self, sweep: Sweep) -> None:
        """Run trials until all have ended."""
        while not sweep.store.ended():
            if sweep.run_next() is None:
                sweep.wait()


def outcome_of(result: RunResult) -> TrialOutcome:
    """Outcome of a trial's run."""
    value, reason = None if result.best is None else result.best.value, result.stop_reason
    measured = partial(
        TrialOutcome, best_epoch=result.best_epoch, epochs=len(result.epochs), total_s=result.timing.total_s
    )
    if value is None or not math.isfinite(value):
        return measured("failed", None, "the monitored metric is NaN in every epoch")
    pruned = reason is not None and reason.startswith(PRUNED)
    return measured("pruned" if pruned else "completed", value, reason)
