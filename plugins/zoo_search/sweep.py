"""A sweep: trials of one job with other values, each an ordinary run in the sweep's folder.

``OUT/NAME/`` holds ``sweep.yaml`` (what was asked for), ``journal.jsonl`` (the trials, as Optuna keeps them),
``trial-0001/`` and so on (the runs), ``sweep.json`` (what was found) and ``best.yaml`` (the best trial's job).
"""

from __future__ import annotations

import contextlib
import gc
import math
import shutil
import time
from collections.abc import Callable
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

RunOne = Callable[..., RunResult]
"""Runs a job: of it, callbacks, a place, an observer and, by name, the ``budget`` of a sweep that has one."""
_POLL_S = 0.5
HOPELESS = 5
"""So many trials that failed, and none that didn't: it isn't the values."""


class SweepWatcher:
    """Hears of a sweep what a report needs, and by default does nothing about it."""

    def began(self, found: dict[str, Any]) -> None:
        """The sweep begins, or goes on; ``found`` is its document."""

    def trial(self, trial: SweepTrial, count: int) -> Observer:
        """A trial is about to begin, or to go on; who shall watch it."""
        return Observer()

    def told(self, row: dict[str, Any], found: dict[str, Any]) -> None:
        """A trial has ended; ``row`` is its part of the document."""

    def waiting(self, running: int) -> None:
        """All is given out; so many trials are others' and still run."""

    def ended(self, found: dict[str, Any]) -> None:
        """All trials have ended."""


def begin(out: Path, name: str | None, plan: SweepPlan, file: Path | None) -> Path:
    """Make a sweep's folder.

    Args:
        file: the job file that it was asked for with, of which a copy is kept.

    Raises:
        RequestError: the name is taken.
        OutputError: the folder can't be written.
    """
    folder = out / check_name(name or made_up_name(out))
    if (folder / PLAN).is_file():
        raise RequestError(f"The sweep {folder} exists. Go on with it: zoo sweep --resume {folder}; or give a --name.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestError(f"{folder} exists, and is no sweep. Give another --name.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} can't be made: {error.strerror or error}. Choose another --out.") from error
    if file is not None:
        write_text(folder / BASE, file.read_text("utf-8"))
    plan.save(folder)
    return folder


class Sweep:
    """Works on a sweep until all its trials have ended, with whoever else works on it.

    Args:
        folder: of the sweep.
        run_one: runs a job in its place, watched, with callbacks; gives its result.
        new: whether this process has begun it.
        begun: :func:`time.monotonic` when the command began, where the plan has a budget.
    """

    def __init__(
        self,
        folder: Path,
        plan: SweepPlan,
        registry: Registry,
        run_one: RunOne,
        watcher: SweepWatcher,
        *,
        new: bool = False,
        begun: float | None = None,
    ):
        self.folder, self.plan, self.registry, self.new = folder, plan, registry, new
        self.run_one, self.watcher = run_one, watcher
        self.store = Store(folder, plan)
        self.begun = time.monotonic() if begun is None else begun
        self.trials_left = plan.trials - self._ended()

    def run(self) -> dict[str, Any]:
        """
        Returns:
            The sweep's document.

        Raises:
            ZooError: a trial failed by something that would make the next one fail too.
            Interrupted: by the user or a signal; it can go on.
        """
        try:
            self.watcher.began(self._write("running"))
            while not self.store.ended():
                trial = self.store.claim()
                if trial is None:
                    self.watcher.waiting(sum(row["status"] == "running" for row in self.store.rows()))
                    time.sleep(_POLL_S)
                    continue
                self._take(trial)
            return self._write("completed")
        except (KeyboardInterrupt, Interrupted) as error:
            self._end_early("interrupted")
            raise Interrupted(self._told("Interrupted")) from error.__cause__
        except ZooError as error:
            if self._take_back():
                raise
            self._end_early("failed")
            raise type(error)(f"{error} {self._told('The sweep stands still')}") from error

    def _take(self, trial: SweepTrial) -> None:
        try:
            outcome = self._outcome(trial, self.watcher.trial(trial, self.plan.trials))
            self.store.tell(trial, outcome)
        finally:
            trial.lock.release()
            gc.collect()  # its model, optimizer and images, before the next one has its own
        found = self._write("running")
        self.watcher.told(found["trials"][trial.number - 1], found)
        statuses = [row["status"] for row in found["trials"] if row["status"] != "running"]
        if len(statuses) >= HOPELESS and set(statuses) == {"failed"}:
            raise TrainingError(f"All of the first {len(statuses)} trials failed. The last one: {outcome.reason}")

    def _outcome(self, trial: SweepTrial, observer: Observer) -> TrialOutcome:
        folder = self.folder / trial.name
        result = ended_result(folder)  # the process may have been killed after its run's end
        if result is not None:
            return outcome_of(result)
        resolved = resolve(self.plan.request(self.folder, trial.values), self.registry)
        place = RunPlace(self.folder, trial.name, resume=(folder / JOB).is_file())
        if folder.is_dir() and not place.resume:  # killed before it began
            shutil.rmtree(folder)
        share = {} if place.resume else self._share()
        callbacks = [Pruning(trial.study, self.plan.monitor)]
        try:
            return outcome_of(self.run_one(resolved, callbacks, place, observer, **share))
        except (TrainingError, ContractError) as error:
            return TrialOutcome("failed", reason=str(error))
        except RequestError as error:  # of values between those that were tried first, or of all
            if isinstance(error, DataError) or not self._any_trained():
                raise
            return TrialOutcome("failed", reason=str(error))

    def _ended(self) -> int:
        return sum(row["status"] != "running" for row in self.store.rows())

    def _share(self) -> dict[str, Budget]:
        """The next trial's part of the budget; of a sweep that goes on, of the part that its other trials have."""
        if self.plan.budget_s is None:
            return {}
        mine = Budget(self.plan.budget_s * self.trials_left / self.plan.trials, self.begun)
        return {"budget": Budget(mine.left_s / max(1, self.plan.trials - self._ended()))}

    def _any_trained(self) -> bool:
        return any(row["status"] in ("completed", "pruned") for row in self.store.rows())

    def _write(self, status: str) -> dict[str, Any]:
        """Write down what was found so far, and the best trial's job."""
        with self.store.alone():
            importance = self.store.importance() if status != "running" else None
            found = document(self.folder, self.plan, status, self.store.rows(), importance)
            if found["best"] is not None:
                job = self.folder / found["trials"][found["best"]["number"] - 1]["run"] / JOB
                write_text(self.folder / BEST, job.read_text("utf-8"))
            write_json(self.folder / DOCUMENT, found)
        return found

    def _end_early(self, status: str) -> None:
        with contextlib.suppress(ZooError):  # a full disk: the error that came first is the one to tell
            self._write(status)

    def _take_back(self) -> bool:
        """Nothing was ever trained: leave no empty sweep behind."""
        if not self.new or len(self.store.rows()) > 1 or any(path.is_dir() for path in self.folder.iterdir()):
            return False
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()  # not where another run is in it
        return True

    def _told(self, what: str) -> str:
        kept = f"{what} after {self._ended()} of {self.plan.trials} trials; they are kept."
        return f"{kept} Go on with: zoo sweep --resume {self.folder}"


def outcome_of(result: RunResult) -> TrialOutcome:
    """How a run ended."""
    value, reason = None if result.best is None else result.best.value, result.stop_reason
    measured = partial(
        TrialOutcome, best_epoch=result.best_epoch, epochs=len(result.epochs), total_s=result.timing.total_s
    )
    if value is None or not math.isfinite(value):
        return measured("failed", None, "what the sweep monitors is no number in any epoch")
    pruned = reason is not None and reason.startswith(PRUNED)
    return measured("pruned" if pruned else "completed", value, reason)
