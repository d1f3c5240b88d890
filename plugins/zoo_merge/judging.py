"""The paired test of a merged model against the best single run, on images that are new to both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo.api.images import TEST, VAL
from zoo.api.running import Predictions, compare, read_predictions
from zoo.reports.kit.results import main_metric
from zoo_merge.held_out import HeldOut, part
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace
from zoo_merge.unused_val import UNUSED, predict_unused

__all__ = ["Judgement", "judge"]


@dataclass(frozen=True)
class Judgement:
    """The result of the paired test.

    Args:
        split: ``test``, ``val`` or ``unused val``.
        images: number of images.
        best: the best single run on these images.
        task: name of the task.
        merged_score, best_score: accuracy in 0..1, of a multi-label task the share of images with all labels right; of
            a regression the mean absolute error.
        interval: 95 % interval of the difference, merged minus best.
        test, p: the test and its p-value.
        worse, better: the difference is significant.
    """

    split: str
    images: int
    best: str
    task: str
    merged_score: float
    best_score: float
    interval: tuple[float, float]
    test: str
    p: float
    worse: bool
    better: bool

    def sentence(self, how: str) -> str:
        """Describe the test for a report."""
        metric = main_metric(self.task)
        ends = self.merged_score - self.best_score, *self.interval
        if metric.is_share:
            name, unit = "", " points"
            gain, low, high = (f"{100 * end:+.1f}" for end in ends)
        else:
            name, unit = f"{metric.name} ", ""
            gain, low, high = (f"{'-' if end < 0 else '+'}{metric.text(abs(end))}" for end in ends)
        verdict = "better" if self.better else "worse" if self.worse else "no significant difference"
        return (
            f"On {self.images:,} {self.split} images that no run was trained on: {how} {name}"
            f"{metric.text(self.merged_score)}, the best single run ({self.best}) {metric.text(self.best_score)}. "
            f"Difference {gain}{unit}, 95% interval {low} to {high}, {self.test} p = {self.p:.2g}: {verdict}."
        )

    def record(self) -> dict[str, object]:
        """The test as plain data."""
        return {**vars(self), "interval": list(self.interval)}


def judge(members: Sequence[Member], held: HeldOut, place: MergePlace) -> Judgement | None:
    """Compare the merged run in ``place.home`` with the best single run; None where no image is new to all runs.

    The test images are used where the dataset has some; else the validation images that all runs held out; else a val
    split that the folds left unused.
    """
    task = members[0].task
    if held.test:
        return _judged(task, TEST, held.test, read_predictions(place.home, TEST))
    if held.common:
        return _judged(task, VAL, held.own, part(read_predictions(place.home, VAL), held.common))
    unused = predict_unused(members, place)
    return None if unused is None else _judged(task, UNUSED, *unused)


def _judged(task: str, split: str, singles: Mapping[str, Predictions], merged: Predictions) -> Judgement:
    """Compare predictions for the same images."""
    names, metric = merged.names, main_metric(task)
    each = {run: part(found, names) for run, found in singles.items()}
    scores = {run: _score(found) for run, found in each.items()}
    best = (max if metric.higher else min)(scores, key=lambda run: scores[run])
    row = compare({best: each[best], "": merged})["comparisons"][0]
    figures = row["metrics"][metric.key]
    low, high = figures["interval"]
    gain = figures["difference"] if metric.higher else -figures["difference"]
    decided = bool(figures["significant"])
    return Judgement(
        split,
        len(names),
        best,
        task,
        _score(merged),
        scores[best],
        (low, high),
        figures["test"],
        figures["p"],
        decided and gain < 0,
        decided and gain > 0,
    )


def _score(found: Predictions) -> float:
    """Accuracy in 0..1, or the mean absolute error."""
    return float((found.errors if found.has_values else found.right).mean())
