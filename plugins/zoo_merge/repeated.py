"""The merging of repeated runs: ``zoo run … --folds 5 --merge ensemble``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from zoo.api.jobs import Resolved
from zoo.api.models import find_bundle, read_card
from zoo.api.running import RepeatsCallback
from zoo.errors import BundleError, RequestError
from zoo.reports.kit.text import short_path
from zoo.runs import RepeatsSummary
from zoo_merge.mergers import RunMerger
from zoo_merge.merging import MergedIsWorse, MergeOptions, merge_runs

__all__ = ["AfterRepeats"]


class AfterRepeats(RepeatsCallback):
    """Merge repeated runs once all of them are complete.

    Args:
        mergers: the merger that the job names, in a list.
    """

    def __init__(self, mergers: Sequence[RunMerger]):
        [self.merger] = mergers
        self.new = True

    def repeats_start(self, resolved: Resolved, by: str, folder: Path, *, new: bool) -> None:
        self.new = new
        self.merger.check_repeats(resolved, by)
        target = _target(resolved, folder)
        if target.exists() and (new or not _is_merged(target)):
            instead = ", or replace all with --overwrite" if new else ""
            raise RequestError(f"The run {target.name!r} exists in {target.parent}. Give another --name{instead}.")

    def repeats_end(self, summary: RepeatsSummary, resolved: Resolved) -> Iterable[str]:
        """Merge the runs into one beside them; a merged model that is worse than the best run is not kept."""
        folder = Path(str(summary.dir))
        target, [(_, choice)] = _target(resolved, folder), resolved.choices_at("merge")
        options = MergeOptions(
            choice.name,
            choice.params,
            target.name,
            target.parent,
            overwrite=not self.new,
            device=resolved.job.device,
        )
        try:
            merged = merge_runs([folder], options, resolved.registry, lambda text: click.echo(text, err=True))
        except MergedIsWorse as worse:
            return [str(worse)]
        notices = merged.result.notices
        tested = [merged.sentence] if merged.sentence not in notices else []
        return [f"Merged into {short_path(target)}.", *tested, *notices]


def _is_merged(folder: Path) -> bool:
    """Check that a folder holds a merged run, which another merge may replace."""
    try:
        return "merged" in read_card(find_bundle(folder))
    except BundleError:
        return False


def _target(resolved: Resolved, folder: Path) -> Path:
    """Folder of the merged run, beside those of the repeated runs."""
    return folder.with_name(f"{folder.name}-{resolved.entry('merge').component.name}")
