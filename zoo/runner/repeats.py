"""Repeated runs of one job over seeds or folds: each a complete run with its own job.yaml, and a summary of all.

The runs are ``OUT/NAME-seed0`` or ``OUT/NAME-fold1`` and so on. ``OUT/NAME/summary.json`` is rewritten whenever a run
ends (:mod:`zoo.runner.summary` describes its format); ``OUT/NAME/repeated.yaml`` is the job, to resume from.
"""

from __future__ import annotations

import contextlib
import gc
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from zoo.errors import Interrupted, OutputError, RequestError, ZooError
from zoo.host.failures import reason_of
from zoo.job.layers import changes
from zoo.job.names import identify_in
from zoo.job.resolve import Resolved
from zoo.job.run_folder import JOB
from zoo.runner.folder import check_name, claim, made_up_name
from zoo.runner.observer import Observer
from zoo.runner.repeats_callbacks import repeats_callbacks, without_repeats_kinds
from zoo.runner.repeats_summary import SUMMARY, RepeatsSummary, read_summary
from zoo.runner.run_result import RunResult, read_result
from zoo.runner.summary import FOLD, SEED, RepeatedRun, summarise
from zoo.storage.files import finite, write_json, write_text

if TYPE_CHECKING:
    from zoo.runner.runner import RunPlace

MOST = 1000
REPEATED = "repeated.yaml"
_ENDED = ("completed", "stopped")


@dataclass(frozen=True)
class Repeats:
    """The number of repetitions of a job, and what varies between them: its ``seed``, or the held-out ``fold``."""

    by: str
    count: int

    def __str__(self) -> str:
        return f"{self.count} {self.by}s"


class RepeatsWatcher:
    """Observes repeated runs for a report; every method does nothing unless it is overridden.

    Args:
        observer: observer of every run; by default one that does nothing.
    """

    def __init__(self, observer: Observer | None = None):
        self._observer = observer or Observer()

    def member(self, name: str, number: int, count: int) -> Observer:
        """Return the observer for run ``number`` (from 1) of ``count``, which is about to begin."""
        return self._observer

    def kept(self, result: RunResult, number: int, count: int) -> None:
        """Observe that run ``number`` was finished earlier and is kept."""

    def ended(self, summary: RepeatsSummary) -> None:
        """Observe the end of all runs; ``summary`` is the content of summary.json."""


RunOne = Callable[[Resolved, "RunPlace", Observer], RunResult]


def asked(seeds: int | None, folds: int | None) -> Repeats | None:
    """Parse ``--seeds`` and ``--folds``, or ``zoo.run``'s arguments of these names.

    Returns:
        The repetition; None where neither is given.

    Raises:
        RequestError: both are given, or a number is not an integer from 2 to 1000.
    """
    if seeds is None and folds is None:
        return None
    if seeds is not None and folds is not None:
        raise RequestError(
            "seeds and folds can't be combined. For folds with several seeds, repeat the command with another "
            f"--seed and --name: --folds {folds} --seed 1"
        )
    by, count = (SEED, seeds) if seeds is not None else (FOLD, folds)
    if not isinstance(count, int) or isinstance(count, bool) or not 2 <= count <= MOST:
        alone = "choose it with --seed" if by == SEED else "the held-out part of train is set by data.val_fraction"
        raise RequestError(
            f"{by}s must be a whole number from 2 to {MOST}, not {count!r}. For a single run, leave it out; {alone}."
        )
    return Repeats(by, count)


def recorded(folder: Path) -> Repeats | None:
    """Read the kind and number of repetitions from a folder's summary.json; None where there is none.

    Raises:
        RequestError: the file is damaged.
    """
    try:
        found = read_summary(folder)
        return Repeats(found.by, found.count)
    except FileNotFoundError:
        return None
    except RequestError as error:
        raise RequestError(
            f"{folder / SUMMARY} is damaged. The runs are intact: remove the file, and repeat the command with "
            "--resume."
        ) from error


def job_to_resume(folder: Path) -> Path:
    """Path of the job file that a folder's repeated runs were started from.

    Raises:
        RequestError: the file is missing.
    """
    if not (folder / REPEATED).is_file():
        raise RequestError(
            f"{folder} has no {REPEATED}, the job. Repeat the whole command with --name {folder.name} --resume; "
            "finished runs are kept."
        )
    return folder / REPEATED


def members(resolved: Resolved, repeats: Repeats, name: str) -> list[RepeatedRun]:
    """List the runs in order: seeds counted up from the job's own, or folds from 1.

    Raises:
        RequestError: a name is invalid, or the last seed is too large.
    """
    resolved = without_repeats_kinds(resolved)
    job, made = resolved.job, []
    for i in range(repeats.count):
        if repeats.by == SEED:
            number, path = job.seed + i, {"seed": "--seeds"}
            one = job.model_copy(update={"seed": number})
        else:
            number, path = i + 1, {"data.folds": "--folds", "data.fold": "--folds"}
            one = job.model_copy(update={"data": job.data.model_copy(update={"folds": repeats.count, "fold": number})})
        changed = replace(resolved, job=one, sources={**resolved.sources, **path})
        made.append(RepeatedRun(check_name(f"{name}-{repeats.by}{number}"), repeats.by, number, changed))
    if made[-1].resolved.job.seed >= 2**63:
        raise RequestError(f"seed {job.seed} is too large for {repeats.count} seeds: the last must be below 2**63.")
    return made


def run_several(
    resolved: Resolved, repeats: Repeats, place: RunPlace, run_one: RunOne, watcher: RepeatsWatcher | None = None
) -> RepeatsSummary:
    """Run all repetitions in sequence in this process, and keep a summary.

    Args:
        place: the summary's folder; ``resume`` keeps finished runs and continues the others.
        run_one: runs one job at its place with an observer, and returns its result.

    Returns:
        The summary, as written to summary.json.

    Raises:
        ZooError: a run failed (earlier runs are kept), or the request is invalid.
        Interrupted: by the user or a signal; the runs can be resumed.
    """
    name = check_name(place.name or made_up_name(place.out))
    several = members(resolved, repeats, name)
    runs = _RepeatedRuns(several, _base(resolved, repeats), repeats, replace(place, name=name), run_one, watcher)
    return runs.run(resolved)


def _base(resolved: Resolved, repeats: Repeats) -> dict[str, Any]:
    """The job as requested: with each ``auto`` that a run resolves on its own, and without a fold."""
    job = resolved.job.plain()
    if repeats.by == FOLD:
        job["data"].update(folds=None, fold=None)
    return job


class _RepeatedRuns:
    """Repeated runs in progress: the members, their results so far, and the summary's folder."""

    def __init__(
        self,
        several: list[RepeatedRun],
        base: dict[str, Any],
        repeats: Repeats,
        place: RunPlace,
        run_one: RunOne,
        watcher: RepeatsWatcher | None,
    ):
        self.members, self.base, self.repeats, self.place, self.run_one = several, base, repeats, place, run_one
        self.watcher = watcher or RepeatsWatcher()
        self.name = str(place.name)
        self.folder = place.out / self.name
        self.status: dict[str, str] = {}
        self.results: dict[str, RunResult] = {}
        self.begun = False

    def run(self, resolved: Resolved) -> RepeatsSummary:
        self._check()
        self.resolved, self.callbacks = resolved, repeats_callbacks(resolved)
        for callback in self.callbacks:
            new = not self.place.resume and not self.place.overwrite
            callback.repeats_start(resolved, self.repeats.by, self.folder, new=new)
        before = _Snapshot(self.place.out, self.folder)
        claim(self.place.out, self.name, resume=True)
        try:
            return self._run_all()
        except (KeyboardInterrupt, Interrupted) as error:
            self._end_early("interrupted", before)
            if not self.begun and not self.results:
                raise Interrupted("Interrupted before training began; nothing was written.") from None
            raise Interrupted(self._progress_message("Interrupted in")) from error.__cause__
        except BaseException as error:
            self._end_early("failed", before)
            if not isinstance(error, Exception) or not (self.begun or self.results):
                raise
            why = str(error) if isinstance(error, ZooError) else f"{reason_of(error)}."
            raise _error_class(error)(f"{self._progress_message('Failed:')} The reason: {why}") from error

    def _run_all(self) -> RepeatsSummary:
        write_text(self.folder / REPEATED, yaml.safe_dump(self.base, sort_keys=False, allow_unicode=True))
        self.write("running")
        for number, member in enumerate(self.members, 1):
            if member.name in self.results:
                self.watcher.kept(self.results[member.name], number, len(self.members))
                continue
            self.status[member.name] = "running"
            observer = self.watcher.member(member.name, number, len(self.members))
            result = self._run(member, observer)
            self.results[member.name] = RunResult.read(finite(result.document()))
            self.write("running")
        summary = self.write("completed")
        for callback in self.callbacks:
            if said := list(callback.repeats_end(summary, self.resolved)):
                summary = summary.changed(notices=[*summary.notices, *said])
                write_json(self.folder / SUMMARY, summary.document())
        self.watcher.ended(summary)
        return summary

    def _run(self, member: RepeatedRun, observer: Observer) -> RunResult:
        folder = self.place.out / member.name
        before, resume = _job_file_stamp(folder), self.place.resume and folder.exists()
        place = replace(self.place, name=member.name, resume=resume)
        try:
            return self.run_one(member.resolved, place, observer)
        finally:
            gc.collect()  # free the model, optimizer and images before the next run allocates its own
            if _job_file_stamp(folder) != before:
                self.begun = True
                self._forget_replaced(member)

    def write(self, status: str) -> RepeatsSummary:
        """Write the summary of the current state."""
        summary = summarise(self.folder, status, self.members, self.results, self.status)
        write_json(self.folder / SUMMARY, summary.document())
        return summary

    def _end_early(self, status: str, before: _Snapshot) -> None:
        """Record the early end in the summary; where no run began, restore the previous state."""
        if not self.begun and not self.results:
            before.restore()
            return
        self.status = {name: status if told == "running" else told for name, told in self.status.items()}
        with contextlib.suppress(OutputError):  # a full disk: the original error is the one to report
            self.write(status)

    def _progress_message(self, what: str) -> str:
        at = next((i for i, m in enumerate(self.members) if m.name not in self.results), None)
        if at is None:
            done = f"{what.removesuffix(' in').removesuffix(':')} after all {len(self.members)} runs, which are kept"
            return f"{done}. Resume with: zoo run --resume {self.folder}"
        finished = f"{len(self.results)} finished and kept" if self.results else "none has finished"
        return (
            f"{what} run {at + 1} of {len(self.members)} ({self.members[at].name}); {finished}. Resume with: zoo "
            f"run --resume {self.folder}"
        )

    # -- what is there already ------------------------------------------------------------------------

    def _check(self) -> None:
        """Refuse names that are taken before any run begins; find the finished runs of a resumed set."""
        if (self.folder / JOB).is_file():
            raise RequestError(f"{self.folder} is a single run. Give the {self.repeats} another --name.")
        ours = any((self.folder / name).is_file() for name in (SUMMARY, REPEATED))
        if self.folder.is_dir() and any(self.folder.iterdir()) and not ours:
            raise RequestError(
                f"{self.folder} is not the folder of repeated runs; it was not changed. Choose another --name."
            )
        if self.place.resume:
            self._check_same()
        elif not self.place.overwrite:
            self._check_free()
        self.replaced = self._replaced_names() if self.place.overwrite else []

    def _check_free(self) -> None:
        names = [self.name, *(member.name for member in self.members)]
        if taken := [name for name in names if (self.place.out / name).exists()]:
            raise RequestError(
                f"The run {taken[0]!r} exists in {self.place.out}. Give another --name, continue with --resume, or "
                "replace all with --overwrite."
            )

    def _check_same(self) -> None:
        before = recorded(self.folder)
        if before is not None and before.by != self.repeats.by:
            raise RequestError(f"{self.folder} has {before}, not {self.repeats}. Choose another --name.")
        for member in self.members:
            folder = self.place.out / member.name
            if (folder / JOB).is_file():
                self._check_job(folder, member)
                if (result := ended_result(folder)) is not None:
                    self.results[member.name] = result

    def _check_job(self, folder: Path, member: RepeatedRun) -> None:
        from zoo.runner.tuning import as_recorded, recorded_job  # a dry run must not import torch

        before = recorded_job(folder / JOB)
        now, identify = as_recorded(member.resolved, folder / JOB).job, identify_in(member.resolved.registry)
        changed = changes(before, now, identify, member.resolved.renamed)
        if changed:
            raise RequestError(
                f"{folder} was another job ({'; '.join(changed[:3])}). Resume them unchanged: zoo run --resume "
                f"{self.folder}; or give the new job another --name."
            )

    def _replaced_names(self) -> list[str]:
        """Names of the runs that ``--overwrite`` replaces: the members, and all runs of the old summary."""
        names = [member.name for member in self.members]
        with contextlib.suppress(OSError, RequestError):
            old = [member.run for member in read_summary(self.folder).members]
            ours = re.compile(rf"{re.escape(self.name)}-({SEED}|{FOLD})\d+")
            names += [name for name in old if ours.fullmatch(name) and name not in names]
        return names

    def _forget_replaced(self, begun: RepeatedRun) -> None:
        """Remove the replaced runs once the first new one has begun, so that old and new runs can't be mixed up."""
        for name in self.replaced:
            folder = self.place.out / name
            if name != begun.name and (folder / JOB).is_file():
                shutil.rmtree(folder, ignore_errors=True)
        self.replaced = []


class _Snapshot:
    """The previous content of the summary's folder, to restore it where nothing was begun."""

    def __init__(self, out: Path, folder: Path):
        self.out, self.folder = out, folder
        self.had_out, self.had_folder = out.exists(), folder.exists()
        paths = (folder / SUMMARY, folder / REPEATED)
        self.texts = {path: path.read_text("utf-8") if path.is_file() else None for path in paths}

    def restore(self) -> None:
        """Restore the snapshot as far as possible."""
        with contextlib.suppress(OSError, OutputError):
            for path, text in self.texts.items():
                if text is None:
                    path.unlink(missing_ok=True)
                else:
                    write_text(path, text)
            if not self.had_folder:
                self.folder.rmdir()
            if not self.had_out:
                self.out.rmdir()  # not where another run has begun in it


def ended_result(folder: Path) -> RunResult | None:
    """Read the result of a finished run; None where it is missing, damaged or incomplete."""
    try:
        result = read_result(folder)
    except RequestError:
        return None
    return result if result.status in _ENDED else None


def _job_file_stamp(folder: Path) -> tuple[int, int] | None:
    """Inode and modification time (ns) of a run's job.yaml, which changes when a run begins in the folder."""
    try:
        found = (folder / JOB).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _error_class(error: Exception) -> type[ZooError]:
    """Error class of a failed repetition: an OutputError stays one, any other error becomes a ZooError."""
    return OutputError if isinstance(error, OutputError) else ZooError
