"""The trials of a sweep, in an Optuna journal that several processes can share.

A trial's values are drawn with its own seed, given the results of earlier trials: a sweep in one process is therefore
reproducible, even if it was killed and resumed.

A process holds a file lock on its trial, which the system releases when the process ends. A running trial whose lock is
free was abandoned by a dead process, and is given to the next process that claims a trial.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from zoo.errors import OutputError
from zoo.storage import Lock, cannot_write, is_write_error, take
from zoo_search.plan import SweepPlan
from zoo_search.space import Range, combinations

JOURNAL = "journal.jsonl"
_ALL, _WRITING = ".sweep.lock", ".journal.lock"
_NAME = "sweep"
_OUTCOME = "outcome"
_POLL_S = 0.01
_ENOUGH_TO_WEIGH = 4
"""Minimum number of completed trials for an estimate of importance."""


@dataclass(frozen=True)
class TrialOutcome:
    """The outcome of a trial.

    Args:
        status: completed, pruned (no longer promising) or failed (could not be trained).
        value: monitored value of the best epoch; None where it was never measured.
        reason: reason for the early stop or the failure.
        best_epoch: number of the best epoch.
        epochs: number of finished epochs.
        total_s: seconds of the run.
    """

    status: str
    value: float | None = None
    reason: str | None = None
    best_epoch: int | None = None
    epochs: int = 0
    total_s: float | None = None


@dataclass(frozen=True)
class SweepTrial:
    """A trial that this process has claimed.

    Args:
        number: from 1.
        values: dotted path -> value, as text for ``--set``.
        again: another process started the trial before.
        lock: lock on the trial.
        study: Optuna's trial.
    """

    number: int
    values: dict[str, str]
    again: bool
    lock: Lock
    study: optuna.Trial

    @property
    def name(self) -> str:
        return trial_name(self.number)


def trial_name(number: int) -> str:
    """Name of a trial's run."""
    return f"trial-{number:04}"


class Store:
    """The journal in a sweep's folder.

    Args:
        folder: the sweep's folder.
        plan: the sweep's plan.

    Raises:
        OutputError: the folder can't be written, or doesn't support locks.
    """

    def __init__(self, folder: Path, plan: SweepPlan):
        self.folder, self.plan, self.space = folder, plan, plan.space
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with self.alone():
            writing = _JournalLock(folder / _WRITING)
            with writing:
                _remove_incomplete_line(folder / JOURNAL)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.study = optuna.create_study(
                    storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL), lock_obj=cast(Any, writing))),
                    study_name=_NAME,
                    direction=self._direction,
                    pruner=_pruner(plan),
                    load_if_exists=True,
                )

    @property
    def _direction(self) -> Literal["maximize", "minimize"]:
        return "maximize" if self.plan.maximize else "minimize"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Exclude the other processes from claiming trials and writing shared files, for the length of a block."""
        lock = _wait_for(self.folder / _ALL)
        try:
            yield
        finally:
            lock.release()

    def claim(self) -> SweepTrial | None:
        """Claim an abandoned trial, else a new one; None where all are claimed.

        Raises:
            OutputError: the folder can't be written.
        """
        with self.alone():
            for frozen in (t for t in self._trials() if t.state == TrialState.RUNNING):
                if (lock := self._lock_abandoned(frozen)) is not None:
                    return self._claimed(frozen, lock, again=True)
            trials = self._trials()
            if len(trials) >= self.plan.trials:
                return None
            lock = take(self._lock_of(len(trials) + 1))
            self._add(trials)
            return self._claimed(self._trials()[-1], lock, again=False)

    def _lock_abandoned(self, frozen: FrozenTrial) -> Lock | None:
        """Lock an abandoned trial; None where another process works on it, or has finished it meanwhile."""
        try:
            lock = take(self._lock_of(frozen.number + 1))
        except BlockingIOError:
            return None
        # A holder records the outcome before it releases the lock, so the journal is read only now.
        if self._trials()[frozen.number].state == TrialState.RUNNING:
            return lock
        lock.release()
        return None

    def _lock_of(self, number: int) -> Path:
        return self.folder / f".{trial_name(number)}.lock"

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _claimed(self, frozen: FrozenTrial, lock: Lock, *, again: bool) -> SweepTrial:
        study = optuna.Trial(self.study, frozen._trial_id)  # Optuna has no public constructor for a given number
        return SweepTrial(frozen.number + 1, self._texts(frozen), again, lock, study)

    def _texts(self, frozen: FrozenTrial) -> dict[str, str]:
        return {path: part.text(frozen.params[path]) for path, part in self.space.items()}

    def _add(self, trials: Sequence[FrozenTrial]) -> None:
        """Draw a new trial's values, and record it atomically."""
        distributions = {path: _distribution(part) for path, part in self.space.items()}
        seed = int(np.random.SeedSequence([self.plan.seed, len(trials)]).generate_state(1)[0])
        total = combinations(self.space)
        few = total is not None and total <= self.plan.trials
        sampler = optuna.samplers.BruteForceSampler(seed) if few else optuna.samplers.TPESampler(seed=seed)
        drawing = optuna.create_study(sampler=sampler, direction=self._direction)
        drawing.add_trials(trials)
        params = drawing.ask(distributions).params
        with _report_write_errors(self.folder):
            self.study.add_trial(create_trial(state=TrialState.RUNNING, params=params, distributions=distributions))

    def tell(self, trial: SweepTrial, outcome: TrialOutcome) -> None:
        """Record the outcome of a trial.

        A failed trial is recorded as pruned, so that Optuna's sampler avoids its values; it ignores failed trials.
        """
        completed = outcome.status == "completed"
        with _report_write_errors(self.folder):
            trial.study.set_user_attr(_OUTCOME, asdict(outcome))
            state = TrialState.COMPLETE if completed else TrialState.PRUNED
            self.study.tell(trial.number - 1, outcome.value if completed else None, state)

    def ended(self) -> bool:
        """Check that all trials have ended."""
        trials = self._trials()
        return len(trials) >= self.plan.trials and all(t.state.is_finished() for t in trials)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of all trials: ``number``, ``params`` (text for ``--set``), and the fields of :class:`TrialOutcome`."""
        return [{"number": t.number + 1, "params": self._texts(t), **_outcome(t)} for t in self._trials()]

    def importance(self) -> dict[str, float] | None:
        """Share of the variance between trials that each parameter explains (fANOVA); None for too few trials."""
        completed = [t for t in self._trials() if t.state == TrialState.COMPLETE]
        if len(completed) < _ENOUGH_TO_WEIGH or len(self.space) < 2 or len({t.value for t in completed}) < 2:
            return None
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.plan.seed % 2**32)
        return dict(optuna.importance.get_param_importances(self.study, evaluator=evaluator))


def _outcome(trial: FrozenTrial) -> dict[str, Any]:
    return trial.user_attrs.get(_OUTCOME) or asdict(TrialOutcome("running"))


def _distribution(part: Any) -> BaseDistribution:
    if not isinstance(part, Range):
        return CategoricalDistribution(part.texts)
    if part.whole:
        return IntDistribution(int(part.low), int(part.high), log=part.log)
    return FloatDistribution(part.low, part.high, log=part.log)


def _pruner(plan: SweepPlan) -> optuna.pruners.BasePruner:
    if plan.pruner == "none":
        return optuna.pruners.NopPruner()
    if plan.pruner == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    # The first quarter of the epochs is never pruned, as warm-up makes it slow.
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(2, plan.epochs // 4))


def _remove_incomplete_line(journal: Path) -> None:
    """Remove an incomplete last line, left by a full disk; its write was never confirmed."""
    if not journal.is_file():
        return
    with journal.open("r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _wait_for(path: Path, waiting: Callable[[], None] = lambda: None) -> Lock:
    while True:
        try:
            return take(path)
        except BlockingIOError:
            waiting()
            time.sleep(_POLL_S)
        except OSError as error:
            if is_write_error(error):
                raise cannot_write(path.parent, error) from error
            raise OutputError(
                f"{path.parent} is on a disk without file locks ({error.strerror or error}), which a sweep needs. "
                "Choose another folder with --out."
            ) from error


class _JournalLock:
    """A file lock for Optuna's journal, which the system releases if its holder is killed."""

    def __init__(self, path: Path):
        self.path = path
        self.lock: Lock | None = None

    def acquire(self) -> bool:
        self.lock = _wait_for(self.path)
        return True

    def release(self) -> None:
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()


@contextlib.contextmanager
def _report_write_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(folder, error) from error
