"""Runs a job: claims the folder, trains, and ends with a result on the disk whatever happens."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from zoo.data.open import VAL
from zoo.engine.execution import choose_device
from zoo.engine.ranks import Ranks, join
from zoo.errors import Interrupted, RequestError, TrainingError, ZooError
from zoo.host.failures import reason_of
from zoo.job.layers import changes
from zoo.job.resolve import Resolved
from zoo.job.run_folder import CHECKPOINTS, JOB, METRICS, MODEL, REPORT, RESULT
from zoo.job.schema import Job
from zoo.model.bundle import write_card
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.runner.callbacks import Callback, Callbacks
from zoo.runner.checkpoint import CheckpointState, load_checkpoint
from zoo.runner.folder import bring_back_replaced, claim, forget_replaced, hold, made_up_name
from zoo.runner.hints import hints_of
from zoo.runner.hooks import Hooks
from zoo.runner.interrupts import Interrupts
from zoo.runner.measurements import SplitMetrics
from zoo.runner.observer import Observer
from zoo.runner.pictures import draw_pictures
from zoo.runner.predictions import forget_predictions
from zoo.runner.record import Run
from zoo.runner.result import bundle_card, final_result, result_of, run_record
from zoo.runner.result_parts import TuningAccount
from zoo.runner.resuming import resume
from zoo.runner.run_result import RunResult
from zoo.runner.speed import Speed, measure_speed
from zoo.runner.time_budget import Budget
from zoo.runner.training import FinalNumbers, Training
from zoo.runner.tuning import as_recorded, build_parts
from zoo.storage.files import cannot_write, dump_json, is_write_error, sweep, write_json, write_text
from zoo.storage.safe_yaml import read_mapping


@dataclass(frozen=True)
class RunPlace:
    """Where a run lives, and what to do when it is there already."""

    out: Path = Path("runs")
    name: str | None = None
    overwrite: bool = False
    resume: bool = False


Report = Callable[[RunResult, Path], None]
Confirm = Callable[[Run], None]


def run_job(
    resolved: Resolved,
    plugins: Sequence[LoadedPlugin],
    observer: Observer,
    place: RunPlace,
    report: Report | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    budget: Budget | None = None,
    confirm: Confirm = lambda run: None,
) -> RunResult:
    """Train, evaluate, and write the result.

    Args:
        report: writes a report of the result into the run's folder; what it can't is told, and the run stands.
        plugins: their lifecycle hooks are called before the callbacks.
        callbacks: observe the run, and can stop it; of several processes, the first one calls them.
        budget: the time that all of it may take; the job is fitted to it first.
        confirm: called with the run before its training begins; an error that it raises leaves no run behind.

    Returns:
        The result.

    Raises:
        ZooError: what was asked for is wrong, or the run failed; a started run has its result.json all the same.
        Interrupted: by the user or a signal; the run can be resumed.
    """
    ranks = join(choose_device(resolved.job.device))
    if not ranks.first:  # it computes; the first one says and writes
        plugins, callbacks, observer, report = (), (), Observer(), None
    name = ranks.told(place.name or made_up_name(place.out))
    state = _resumable(place, name, resolved, observer)
    if state is not None:
        resolved = as_recorded(resolved, place.out / name / JOB)
    ranks.wait()  # until all have read what the first one may write anew
    with _claimed(place, name, ranks) as claimed:
        training, run, tuning = _prepared(resolved, claimed, state, observer, ranks, budget, confirm)
        if ranks.first:
            forget_replaced(claimed.folder)
        callback = Callbacks([Hooks(plugins, observer.notice), *callbacks])
        return _Runner(training, run, callback, observer, report, tuning).run()


@dataclass(frozen=True)
class _Claimed:
    """A run's folder, and whether it and the one that it lies in are new."""

    folder: Path
    new: bool
    new_out: bool

    def take_back(self) -> None:
        """Nothing was trained: leave no empty run behind, and the one that it was to replace as it was."""
        if self.new:
            shutil.rmtree(self.folder, ignore_errors=True)
            bring_back_replaced(self.folder)
        if self.new_out:
            with contextlib.suppress(OSError):  # another run may have begun in it
                self.folder.parent.rmdir()


@contextlib.contextmanager
def _claimed(place: RunPlace, name: str, ranks: Ranks) -> Iterator[_Claimed]:
    """The run's folder, held for the length of a block; by one process for all."""
    if not ranks.first:
        yield _Claimed(place.out / name, False, False)
        return
    new, new_out = not (place.out / name).exists() or place.overwrite, not place.out.exists()
    folder = claim(place.out, name, overwrite=place.overwrite, resume=place.resume)
    lock = hold(folder)
    try:
        yield _Claimed(folder, new, new_out)
    finally:
        if lock is not None:
            lock.release()


def _prepared(
    resolved: Resolved,
    claimed: _Claimed,
    state: CheckpointState | None,
    observer: Observer,
    ranks: Ranks,
    budget: Budget | None,
    confirm: Confirm,
) -> tuple[Training, Run, TuningAccount]:
    """All that is done before training; what goes wrong here leaves no run behind."""
    interrupts, folder = Interrupts(ranks.any, together=ranks.size > 1), claimed.folder
    if ranks.first:
        for part in (folder, folder / MODEL, folder / CHECKPOINTS):
            sweep(part)
    try:
        with interrupts.listening():
            parts, tuning = build_parts(resolved, observer, ranks, budget)
            training = Training(parts, folder, observer, interrupts, budget)
            speed = measure_speed(parts) if budget is None else None  # which was timed already
            run = _begin(training, state)
            run.estimate_s = tuning.budget.seconds if tuning.budget else _left_s(training, speed)
            run.hints = hints_of(parts)
            confirm(run)
            return training, run, tuning
    except BaseException as error:
        claimed.take_back()
        if isinstance(error, KeyboardInterrupt) or interrupts.asked:  # an import may have made another error of it
            raise Interrupted("Interrupted before training began; nothing was written.") from None
        if is_write_error(error):
            raise cannot_write(folder, error) from error
        raise


def _left_s(training: Training, speed: Speed | None) -> float | None:
    """Seconds for the epochs that are still to be trained."""
    if speed is None:
        return None
    return speed.seconds(training.job.train.last_epoch) - speed.seconds(len(training.state.history))


def _begin(training: Training, state: CheckpointState | None) -> Run:
    """The run's first files, and the epochs that were trained before."""
    parts, folder = training.parts, training.folder
    if state is not None:
        resume(training.state, parts, training.keeper, training.observer, state)
    if parts.ranks.first:
        comments = "" if state is None or parts.resolved.reasons else _comments(folder / JOB)
        write_text(folder / JOB, comments + _job_text(parts.job, parts.resolved.reasons))
        (folder / MODEL).mkdir(exist_ok=True)
        write_card(folder / MODEL, bundle_card(parts))
        if state is not None:
            _trim_metrics(training)
        else:
            (folder / METRICS).unlink(missing_ok=True)
    return run_record(parts, folder)


def _comments(job_file: Path) -> str:
    """The lines in front of a job that say why its values were chosen: a run that goes on keeps them."""
    lines = job_file.read_text("utf-8").splitlines(keepends=True)
    return "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))


def _job_text(job: Job, reasons: Mapping[str, str]) -> str:
    """A job as YAML, with the reasons for what rules decided as comments in front."""
    why = [f"# {path}: {reason}\n" for path, reason in reasons.items()]
    head = ["# Chosen for this data and this machine:\n", *why] if why else []
    return "".join(head) + yaml.safe_dump(job.plain(), sort_keys=False, allow_unicode=True)


def _trim_metrics(training: Training) -> None:
    """A line written after the last checkpoint belongs to an epoch that will be trained again."""
    lines = "".join(dump_json(record.document(), indent=None) + "\n" for record in training.state.history)
    write_text(training.folder / METRICS, lines)


class _Runner:
    """The part of a run that has a folder, and so ends with a result."""

    def __init__(
        self,
        training: Training,
        run: Run,
        callback: Callback,
        observer: Observer,
        report: Report | None,
        tuning: TuningAccount,
    ):
        self.training, self.run_record, self.callback, self.observer = training, run, callback, observer
        self.report, self.tuning = report, tuning

    def run(self) -> RunResult:
        try:
            with self.training.interrupts.listening():
                return self._train()
        except KeyboardInterrupt as error:
            self._end_early("interrupted", "interrupted by the user", error)
            with contextlib.suppress(TrainingError):  # whoever starts them may end all once one has ended
                self.training.ranks.wait()
            raise Interrupted(self._how_to_resume()) from None
        except ZooError as error:
            self._end_early("failed", str(error), error)
            raise
        except BrokenPipeError as error:  # as in `zoo run … | head`
            self._end_early("interrupted", "nobody reads its output any longer", error)
            raise Interrupted(self._how_to_resume()) from error
        except BaseException as error:  # a component may call sys.exit()
            self._end_early("failed", reason_of(error), error)
            if is_write_error(error):
                raise cannot_write(self.training.folder, error) from error
            raise

    def _train(self) -> RunResult:
        for text in self.run_record.notices:
            self.observer.notice(text)
        self.observer.started(self.run_record)
        self.callback.run_start(self.run_record)
        if self.training.ranks.first:
            forget_predictions(self.training.folder)
        reason = self.training.epochs(self.callback, self.run_record)
        self._record_budget()
        result = self._result("stopped" if reason else "completed", reason)
        if not self.training.ranks.first:
            return result
        sections = self.callback.report_sections(self.run_record, result)
        result = result.changed(sections=[list(section) for section in sections])
        write_json(self.training.folder / RESULT, result.document())
        if self.report is not None:
            self._report(self.report, result)
        self._afterwards(lambda: self.callback.run_end(self.run_record, result))
        self.observer.ended(self.run_record, result)
        return result

    def _report(self, report: Report, result: RunResult) -> None:
        shown = result.mistakes.get(VAL, [])
        self._beside("The pictures for the report were", partial(draw_pictures, self.training, shown))
        self._beside("The report was", partial(report, result, self.training.folder / REPORT))

    def _record_budget(self) -> None:
        """Where a budget ended training, the job says after which epoch: repeated, it has the same numbers."""
        training = self.training
        if training.budget_used and training.ranks.first:
            train = training.job.train.model_copy(update={"stop_after": len(training.state.history)})
            job = training.job.model_copy(update={"train": train})
            write_text(training.folder / JOB, _job_text(job, training.parts.resolved.reasons))

    def _beside(self, what: str, write: Callable[[], None]) -> None:
        """The result is safe; what shows it must not make a good run a failed one."""
        try:
            write()
        except Exception as error:
            self.observer.notice(f"{what} not written: {type(error).__name__}: {error}")

    def _afterwards(self, call: Callable[[], None]) -> None:
        """The run has ended, and its result stands whatever a callback does."""
        try:
            call()
        except Exception as error:
            self.observer.notice(f"A callback failed after the end of the run: {type(error).__name__}: {error}")

    def _result(self, status: str, reason: str | None) -> RunResult:
        result = final_result(self.training, self.run_record, status, reason, self.tuning)
        chosen = self.training.thresholds, self.training.calibration
        if chosen != (None, None) and self.training.ranks.first:
            write_card(self.training.folder / MODEL, bundle_card(self.training.parts, *chosen))
        return result

    def _end_early(self, status: str, reason: str, error: BaseException) -> None:
        """Write what there is. Where even that fails (a full disk), the error that came first is the one to tell."""
        if not self.training.ranks.first:
            return
        with contextlib.suppress(ZooError):
            self.training.keeper.wait()
        self.training.state.best = self.training.keeper.best  # whose weights are on the disk
        with contextlib.suppress(BrokenPipeError):
            self.observer.failed(self.run_record, error)
        best, history = self.training.state.best, self.training.state.history
        last = {} if best is None else {VAL: SplitMetrics.read(history[best.epoch - 1].val.document())}
        result = result_of(self.training, self.run_record, status, reason, FinalNumbers(last))
        with contextlib.suppress(ZooError):
            write_json(self.training.folder / RESULT, result.document())
        self._afterwards(lambda: self.callback.run_failed(self.run_record, error))

    def _how_to_resume(self) -> str:
        done, of = len(self.training.state.history), self.training.job.train.last_epoch
        folder = self.training.folder
        kept = f"the best model so far is in {folder / 'model'}. " if self.training.state.best else ""
        steps = self.training.state.position.steps if self.training.state.position else 0
        more = f" and {steps} step{'' if steps == 1 else 's'}" if steps else ""
        return f"Interrupted after {done} of {of} epochs{more}; {kept}Go on with: zoo run --resume {folder}"


def _resumable(place: RunPlace, name: str, resolved: Resolved, observer: Observer) -> CheckpointState | None:
    """The checkpoint to go on from, if resuming was asked for and there is one of the same job."""
    if not place.resume:
        return None
    folder = place.out / name
    state = load_checkpoint(folder / CHECKPOINTS, observer.notice)
    if state is None:
        observer.notice(f"There is nothing to resume in {folder}: starting afresh.")
        return None
    before, job = read_mapping(folder / JOB), as_recorded(resolved, folder / JOB).job
    changed = changes(before, job)
    if not changed:
        return state
    epochs, done = int(before["train"]["epochs"]), len(state["history"])
    if changes(before, job.model_copy(update={"train": job.train.model_copy(update={"epochs": epochs})})):
        raise RequestError(
            f"{folder} was another job ({'; '.join(changed[:5])}). Resume it as it was: zoo run --resume {folder}; "
            "or give the new job another --name."
        )
    if job.train.last_epoch <= done:
        raise RequestError(
            f"{folder} has been trained for {done} epochs already. Type: zoo run --resume {folder} --epochs {done + 1}"
        )
    return {**state, "planned": epochs}
