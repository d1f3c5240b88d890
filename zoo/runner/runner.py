"""Run a job: claim the folder, train, evaluate, and write a result whether the run completes or fails."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from zoo.data.open import TRAIN, VAL
from zoo.engine.execution import choose_device
from zoo.engine.ranks import Ranks, join
from zoo.errors import BundleError, Interrupted, PeerLost, RequestError, TrainingError, ZooError
from zoo.host.failures import reason_of
from zoo.job.layers import changes, flatten
from zoo.job.names import identify_in, with_ids
from zoo.job.plugin_values import setting_changes
from zoo.job.resolve import Resolved
from zoo.job.run_folder import CHECKPOINTS, JOB, METRICS, MODEL, REPORT, RESULT
from zoo.job.schema import Job
from zoo.model.attachments import forget_attachments
from zoo.model.bundle import read_card, write_card
from zoo.model.provenance import given_changes, given_lines, recorded
from zoo.model.split_digest import check_split_digest, recorded_split_digest
from zoo.registry.entry import PYTHON
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.runner.analyses import analyses_of_run
from zoo.runner.callbacks import Callback, Callbacks
from zoo.runner.checkpoint import CheckpointState, load_checkpoint
from zoo.runner.chosen_callbacks import chosen_callbacks
from zoo.runner.folder import bring_back_replaced, claim, forget_replaced, hold, keep_logs, made_up_name
from zoo.runner.hints import hints_of
from zoo.runner.hooks import Hooks
from zoo.runner.interrupts import Interrupts
from zoo.runner.measurements import SplitMetrics
from zoo.runner.observer import Observer
from zoo.runner.pictures import draw_pictures
from zoo.runner.predictions import forget_predictions
from zoo.runner.record import Run
from zoo.runner.result import bundle_card, final_result, result_of, run_record
from zoo.runner.result_parts import ObservingPlugin, TuningAccount
from zoo.runner.resuming import resume
from zoo.runner.run_result import RunResult, read_result
from zoo.runner.speed import Speed, measure_speed
from zoo.runner.time_budget import Budget
from zoo.runner.training import FinalNumbers, Training
from zoo.runner.tuning import as_recorded, build_parts, recorded_job
from zoo.storage.files import cannot_write, dump_json, is_write_error, sweep, write_json, write_text


@dataclass(frozen=True)
class RunPlace:
    """The location of a run, and the policy for one that exists there already.

    Args:
        out: the output folder.
        name: the folder's name within ``out``; None for a random one.
        overwrite: replace an existing run.
        resume: continue an existing run.
    """

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
    """Train a job, evaluate it, and write its result.

    Args:
        plugins: their lifecycle hooks are called before the callbacks.
        report: writes a report of the result into the run's folder; its failure is shown as a notice and does not fail
            the run.
        callbacks: observe the run, and can change or stop it, before those that the job names.
        budget: the time limit of the whole run; the job is first fitted to it.
        confirm: called with the run before its training begins; an error that it raises leaves no run behind.

    Returns:
        The result, as written to result.json.

    Raises:
        ZooError: the request is invalid, or the run failed; a run whose training began has its result.json
            nevertheless.
        Interrupted: by the user or a signal; the run can be resumed.
    """
    resolved.registry.settings.activate(resolved.plugins)
    ranks = join(choose_device(resolved.job.device))
    if not ranks.first:  # the other processes only compute; the first one shows and writes
        plugins, observer, report = (), Observer(), None
    name = ranks.broadcast(place.name or made_up_name(place.out))
    state = _resumable(place, name, resolved, observer)
    if state is not None:
        resolved = as_recorded(resolved, place.out / name / JOB)
    ranks.barrier()  # until all processes have read the files that the first one may rewrite
    with _claimed(place, name, ranks) as claimed:
        hooks = Hooks(plugins, observer.notice, resolved.plugins)
        training, run, tuning = _prepared(
            resolved, claimed, state, observer, ranks, budget, confirm, [hooks, *callbacks]
        )
        if ranks.first:
            forget_replaced(claimed.folder)
            keep_logs(claimed.folder)
        return _Runner(training, run, observer, report, tuning, hooks.provenance).run()


def _names_in(job: Mapping[str, Any]) -> list[str]:
    """Names of the components of a nested job."""
    flat = flatten(job)
    lists = [item for value in flat.values() if isinstance(value, list) for item in value if isinstance(item, dict)]
    return [str(each) for each in (*flat.values(), *(item.get("name") for item in lists))]


def _changed_sources(folder: Path, resolved: Resolved) -> list[str]:
    """Sentences about components from Python that have changed since a run began; empty for a damaged record."""
    try:
        return given_changes(recorded(read_card(folder / MODEL)), resolved.entries)
    except BundleError:
        return []


@dataclass(frozen=True)
class _Claimed:
    """A claimed run folder, with flags for a new folder and a new output folder."""

    folder: Path
    new: bool
    new_out: bool

    def take_back(self) -> None:
        """Undo the claim of a run that was not trained: remove its new folder and restore the run that it replaced."""
        if self.new:
            shutil.rmtree(self.folder, ignore_errors=True)
            bring_back_replaced(self.folder)
        if self.new_out:
            with contextlib.suppress(OSError):  # another run may have begun in it
                self.folder.parent.rmdir()


@contextlib.contextmanager
def _claimed(place: RunPlace, name: str, ranks: Ranks) -> Iterator[_Claimed]:
    """Claim the run's folder for the length of a block; only the first process holds the lock."""
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
    callbacks: Sequence[Callback],
) -> tuple[Training, Run, TuningAccount]:
    """Build everything that training needs; an error at this stage leaves no run behind."""
    interrupts, folder = Interrupts(ranks.any, together=ranks.size > 1), claimed.folder
    if ranks.first:
        for part in (folder, folder / MODEL, folder / CHECKPOINTS):
            sweep(part)
    try:
        with interrupts.listening():
            parts, tuning = build_parts(resolved, observer, ranks, budget)
            training = Training(parts, folder, observer, interrupts, budget)
            training.callback = Callbacks([*callbacks, *chosen_callbacks(parts, folder)], first=ranks.first)
            training.analyses = analyses_of_run(parts)
            speed = measure_speed(parts) if budget is None else None  # a budget has timed the steps already
            run = _begin(training, state)
            run.estimate_s = tuning.budget.seconds if tuning.budget else _left_s(training, speed)
            run.hints = hints_of(parts, speed)
            confirm(run)
            return training, run, tuning
    except BaseException as error:
        claimed.take_back()
        # An importing library may have replaced the error. A launcher sends SIGTERM once a process has failed.
        if isinstance(error, KeyboardInterrupt) or (interrupts.asked and not isinstance(error, PeerLost)):
            raise Interrupted("Interrupted before training began; nothing was written.") from None
        if is_write_error(error):
            raise cannot_write(folder, error) from error
        raise


def _left_s(training: Training, speed: Speed | None) -> float | None:
    """Estimate the seconds of the remaining epochs; None where the speed is unknown."""
    if speed is None:
        return None
    return speed.seconds(training.job.train.last_epoch) - speed.seconds(len(training.state.history))


def _begin(training: Training, state: CheckpointState | None) -> Run:
    """Write the run's first files, and restore the checkpoint of a resumed run."""
    parts, folder = training.parts, training.folder
    if state is not None:
        anew = f"train on the new splits under another name: zoo run {folder / JOB} --name NAME"
        now = parts.splits[TRAIN].split_digest
        check_split_digest(recorded_split_digest(folder), now, parts.job.dataset, anew)
        resume(training.state, parts, training.keeper, training.observer, state)
        training.restore_callbacks(state)
    if parts.ranks.first:
        comments = "" if state is None or parts.resolved.reasons else _comments(folder / JOB)
        given = [] if comments else given_lines(parts.resolved.entries)
        write_text(folder / JOB, comments + _job_text(parts.resolved, parts.job, given))
        (folder / MODEL).mkdir(exist_ok=True)
        write_card(folder / MODEL, bundle_card(parts))
        if state is not None:
            _trim_metrics(training)
        else:
            (folder / METRICS).unlink(missing_ok=True)
    return run_record(parts, folder)


def _comments(job_file: Path) -> str:
    """Read the leading comments of a job file, which give the reasons for chosen values; a resumed run keeps them."""
    lines = job_file.read_text("utf-8").splitlines(keepends=True)
    return "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))


def _job_text(resolved: Resolved, job: Job, given: Sequence[str]) -> str:
    """Format a job as YAML, preceded by comments: the reasons for values that rules chose, and what is from Python."""
    why = [f"# {path}: {reason}\n" for path, reason in resolved.reasons.items()]
    head = ["# Chosen for this data and this machine:\n", *why] if why else []
    head += ["# Passed from Python:\n", *(f"# {line}\n" for line in given)] if given else []
    return "".join(head) + yaml.safe_dump(with_ids(job, resolved.entries), sort_keys=False, allow_unicode=True)


def _trim_metrics(training: Training) -> None:
    """Rewrite metrics.jsonl from the history: a line after the last checkpoint belongs to an epoch to be repeated."""
    lines = "".join(dump_json(record.document(), indent=None) + "\n" for record in training.state.history)
    write_text(training.folder / METRICS, lines)


class _Runner:
    """The phase of a run that owns a folder and therefore always ends with a result."""

    def __init__(
        self,
        training: Training,
        run: Run,
        observer: Observer,
        report: Report | None,
        tuning: TuningAccount,
        observers: Callable[[], Mapping[str, ObservingPlugin]] = dict,
    ):
        self.observers = observers  # provenance of the plugins that observe the run
        self.training, self.run_record, self.callback, self.observer = training, run, training.callback, observer
        self.report, self.tuning = report, tuning

    def run(self) -> RunResult:
        with self.training.interrupts.listening():  # also in the end: a launcher signals all once one has ended
            return self._run()

    def _run(self) -> RunResult:
        try:
            return self._train()
        except KeyboardInterrupt as error:
            self._end_early("interrupted", "interrupted by the user", error)
            with contextlib.suppress(TrainingError):  # a launcher kills the others soon after the first has ended
                self.training.ranks.barrier()
            raise Interrupted(self._resume_message()) from None
        except ZooError as error:
            self._end_early("failed", str(error), error)
            raise
        except BrokenPipeError as error:  # as in `zoo run … | head`
            self._end_early("interrupted", "its output was closed", error)
            raise Interrupted(self._resume_message()) from error
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
            forget_attachments(self.training.folder / MODEL)
        reason = self.training.epochs(self.run_record)
        self._record_budget()
        result = self._result("stopped" if reason else "completed", reason)
        if not self.training.ranks.first:
            return result
        sections = self.callback.report_sections(self.run_record, result)
        result = self._with_observers(result.changed(sections=[*result.sections, *map(list, sections)]))
        write_json(self.training.folder / RESULT, result.document())
        if self.report is not None:
            self._report(self.report, result)
        self._afterwards(lambda: self.callback.run_end(self.run_record, result))
        self.observer.ended(self.run_record, result)
        return result

    def _report(self, report: Report, result: RunResult) -> None:
        drawn = partial(draw_pictures, self.training, result.mistakes)
        self._write_optional("The pictures for the report were", drawn)
        self._write_optional("The report was", partial(report, result, self.training.folder / REPORT))

    def _record_budget(self) -> None:
        """Record in the job the epoch at which a budget ended training, so that a repetition gives the same numbers."""
        training = self.training
        if training.budget_used and training.ranks.first:
            train = training.job.train.model_copy(update={"stop_after": len(training.state.history)})
            job, resolved = training.job.model_copy(update={"train": train}), training.parts.resolved
            write_text(training.folder / JOB, _job_text(resolved, job, given_lines(resolved.entries)))

    def _write_optional(self, what: str, write: Callable[[], None]) -> None:
        """Write an optional output; its failure becomes a notice, as the result is written already."""
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

    def _with_observers(self, result: RunResult) -> RunResult:
        return result.changed(provenance={**result.provenance, **self.observers()})

    def _end_early(self, status: str, reason: str, error: BaseException) -> None:
        """Write a partial result; where that fails too (a full disk), the original error is the one reported."""
        if not self.training.ranks.first:
            return
        with contextlib.suppress(ZooError):
            self.training.keeper.wait()
        self.training.state.best = self.training.keeper.best  # the epoch whose weights are on disk
        with contextlib.suppress(BrokenPipeError):
            self.observer.failed(self.run_record, error)
        best, history = self.training.state.best, self.training.state.history
        last = {} if best is None else {VAL: SplitMetrics.read(history[best.epoch - 1].val.document())}
        result = result_of(self.training, self.run_record, status, reason, FinalNumbers(last))
        with contextlib.suppress(ZooError):
            write_json(self.training.folder / RESULT, self._with_observers(result).document())
        self._afterwards(lambda: self.callback.run_failed(self.run_record, error))

    def _resume_message(self) -> str:
        done, of = len(self.training.state.history), self.training.job.train.last_epoch
        folder = self.training.folder
        kept = f"the best model so far is in {folder / 'model'}. " if self.training.state.best else ""
        steps = self.training.state.position.steps if self.training.state.position else 0
        more = f" and {steps} step{'' if steps == 1 else 's'}" if steps else ""
        python = any(entry.origin.plugin == PYTHON for entry in self.training.parts.resolved.entries.values())
        again = " the same objects: zoo.run(…, resume=True)" if python else f": zoo run --resume {folder}"
        return f"Interrupted after {done} of {of} epochs{more}; {kept}Resume with{again}"


def _check_trained(folder: Path) -> None:
    """Refuse to replace a complete run that was made without training, such as one merged of others.

    Raises:
        RequestError: the folder holds such a run.
    """
    try:
        result = read_result(folder)
    except RequestError:
        return
    if result.status == "completed" and not result.epochs:
        raise RequestError(
            f"{folder} is complete, and was made without training: there is nothing to resume. To train its job, give "
            f"another --name: zoo run {folder / JOB} --name NAME"
        )


def _resumable(place: RunPlace, name: str, resolved: Resolved, observer: Observer) -> CheckpointState | None:
    """Load the checkpoint to resume from; None where none was requested or none exists.

    Raises:
        RequestError: the checkpoint belongs to another job, or has reached the last epoch.
    """
    if not place.resume:
        return None
    folder = place.out / name
    state = load_checkpoint(folder / CHECKPOINTS, observer.notice)
    if state is None:
        _check_trained(folder)
        observer.notice(f"Nothing to resume in {folder}: starting a new run.")
        return None
    before, job = recorded_job(folder / JOB), as_recorded(resolved, folder / JOB).job
    for line in setting_changes(before, job.plugins):
        observer.notice(f"The settings of a plugin have changed since the run began: {line}.")
    how = identify_in(resolved.registry), resolved.renamed
    changed = changes(before, job, *how)
    for text in _changed_sources(folder, resolved):
        observer.notice(text)
    if not changed:
        return state
    epochs, done = int(before["train"]["epochs"]), len(state["history"])
    longer = job.model_copy(update={"train": job.train.model_copy(update={"epochs": epochs})})
    if changes(before, longer, *how):
        python = any(line.startswith(f"{PYTHON}/") for line in _names_in(before))
        again = "with the same objects: zoo.run(…, resume=True)" if python else f"unchanged: zoo run --resume {folder}"
        raise RequestError(
            f"{folder} was another job ({'; '.join(changed[:5])}). Resume it {again}; or give the new job another "
            "--name."
        )
    if job.train.last_epoch <= done:
        raise RequestError(
            f"{folder} has already been trained for {done} epochs. Type: zoo run --resume {folder} --epochs {done + 1}"
        )
    return {**state, "planned": epochs}
