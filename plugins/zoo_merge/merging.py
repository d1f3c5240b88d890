"""Merge runs: read them, make one model, test it against the best of them, and keep it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.api.commands import Interrupts
from zoo.api.jobs import Entry, Registry, check
from zoo.errors import ContractError, RequestError, ZooError
from zoo.reports.kit.pages import write_report
from zoo.runs import REPORT, RESULT, RunResult, check_name, hold, is_run
from zoo.storage import made_folder, put_folder, workplace, write_json
from zoo_merge.held_out import read_held_out
from zoo_merge.judging import Judgement, judge
from zoo_merge.members import Member, read_members
from zoo_merge.mergers import MergePlace, RunMerger

__all__ = ["MergeOptions", "Merged", "MergedIsWorse", "merge_runs"]

KIND = "merger"
UNTESTED = "No image is new to all of the runs, so no paired test against the best single run was possible."


@dataclass(frozen=True)
class MergeOptions:
    """Options of a merge.

    Args:
        how: name of a merger.
        params: parameters of the merger.
        name: name of the merged run; by default the first run's, followed by that of the merger.
        out: folder of the runs.
        overwrite: replace an existing run.
        force: keep the merged run although the paired test speaks against it, and merge weights that did not begin as
            the same ones.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:i`` or ``mps``.
    """

    how: str
    params: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    out: Path = Path("runs")
    overwrite: bool = False
    force: bool = False
    device: str = "auto"


class MergedIsWorse(ZooError):
    """Raised for a merged model that is significantly worse than the best single run, and was not kept."""


@dataclass(frozen=True)
class Merged:
    """A merged run that was kept: its result, and the paired test, None where it was not possible."""

    result: RunResult
    judgement: Judgement | None
    sentence: str

    def document(self) -> dict[str, Any]:
        """The result with the paired test, as plain data."""
        test = None if self.judgement is None else self.judgement.record()
        return {**self.result.document(), "paired_test": test}


def merge_runs(
    words: Sequence[str | Path],
    options: MergeOptions,
    registry: Registry,
    tell: Callable[[str], None] = lambda text: None,
) -> Merged:
    """Merge runs into ``out/name``, which is written whole or not at all.

    Args:
        words: names or folders of runs, or the folder of repeated runs.
        options: options of the merge.
        registry: registry of all components.
        tell: receives a line for each step.

    Returns:
        The merged run.

    Raises:
        RequestError: the runs don't fit together; nothing was written.
        MergedIsWorse: the merged model is significantly worse than the best single run; nothing was written.
        OutputError: the folder can't be written.
    """
    entry = registry.find(KIND, options.how)
    merger = _built(entry, options.params)
    members = read_members(words, options.out)
    how = entry.component.name
    name = check_name(options.name or f"{_stem(words, members)}-{how}")
    target = options.out / name
    _check_free(target, members, overwrite=options.overwrite)
    held = read_held_out(members)
    with Interrupts().listening(), made_folder(options.out), _workplace(target) as work:
        place = MergePlace(work / name, target, registry, options.device, options.force, tell)
        place.home.mkdir()
        merger.check(members, held, place)
        result = merger.merge(members, held, place)
        judgement = judge(members, held, place)
        sentence = UNTESTED if judgement is None else judgement.sentence(how)
        result = _judged(result, judgement, sentence)
        if judgement is not None and judgement.worse and not options.force:
            raise MergedIsWorse(
                f"The merged model was not kept: it is significantly worse than {judgement.best}. {sentence} Use "
                f"{judgement.best}, or keep the merged model nevertheless: zoo merge --force"
            )
        write_json(place.home / RESULT, result.document())
        write_report(result, place.home / REPORT)
        put_folder(place.home, target)
    return Merged(result, judgement, sentence)


def _built(entry: Entry, params: Mapping[str, Any]) -> RunMerger:
    """Make a merger with its parameters.

    Raises:
        RequestError: a parameter is wrong.
        ContractError: the factory returns something else.
    """
    values, problems = check(KIND, entry.factory(), {**entry.params, **params}, "merge")
    if problems:
        raise RequestError(" ".join(problems))
    made = entry.make(**values)
    if not isinstance(made, RunMerger):
        raise ContractError(f"{entry.title} gave {type(made).__name__}, not a zoo_merge.mergers.RunMerger")
    return made


def _stem(words: Sequence[str | Path], members: Sequence[Member]) -> str:
    """Name of the repeated runs where these are merged, else of the first run."""
    return Path(words[0]).name if len(words) == 1 else members[0].folder.name


def _check_free(target: Path, members: Sequence[Member], *, overwrite: bool) -> None:
    """Check that the merged run can be written to a folder.

    Raises:
        RequestError: it holds something else, one of the merged runs, or a run in training.
    """
    if not target.exists():
        return
    if any(target.resolve() == member.folder.resolve() for member in members):
        raise RequestError(f"{target} is one of the runs to merge. Give the merged run another --name.")
    if not overwrite:
        raise RequestError(
            f"The run {target.name!r} exists in {target.parent}. Give another --name, or replace it with --overwrite."
        )
    if not is_run(target) and any(target.iterdir()):
        raise RequestError(f"{target} is not the folder of a run; it was not changed. Choose another --name.")
    lock = hold(target)
    if lock is not None:
        lock.release()


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """Create a temporary folder beside a run's folder; those of killed processes are removed."""
    mark = target.with_name(f"{target.name}.merging")
    for left in mark.parent.glob(f".{mark.name}.*"):
        try:
            lock = hold(left)
        except RequestError:  # another process is merging into it
            continue
        if lock is not None:
            lock.release()
        shutil.rmtree(left, ignore_errors=True)
    with workplace(mark) as work:
        lock = hold(work)
        try:
            yield work
        finally:
            if lock is not None:
                lock.release()


def _judged(result: RunResult, judgement: Judgement | None, sentence: str) -> RunResult:
    """Add the paired test to the report's section, and to the notices where there was none or it is bad."""
    [heading, text], *others = result.sections
    bad = judgement is None or judgement.worse
    return result.changed(
        sections=[[heading, f"{text}\n{sentence}"], *others],
        notices=[*result.notices, *([sentence] if bad else [])],
    )
