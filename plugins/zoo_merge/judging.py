"""The paired test of a merged model against the best single run, on images that are new to both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo.api.images import TEST, VAL
from zoo.api.running import Predictions, compare, read_predictions
from zoo.reports.kit.text import percent
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
        merged_accuracy, best_accuracy: in 0..1; of a multi-label task the share of images with all labels right.
        interval: 95 % interval of the difference, merged minus best.
        p: p-value of the exact McNemar test.
        worse, better: the difference is significant.
    """

    split: str
    images: int
    best: str
    merged_accuracy: float
    best_accuracy: float
    interval: tuple[float, float]
    p: float
    worse: bool
    better: bool

    def sentence(self, how: str) -> str:
        """Describe the test for a report."""
        gain = 100 * (self.merged_accuracy - self.best_accuracy)
        low, high = (100 * end for end in self.interval)
        verdict = "better" if self.better else "worse" if self.worse else "no significant difference"
        return (
            f"On {self.images:,} {self.split} images that no run was trained on: {how} "
            f"{percent(self.merged_accuracy)}, the best single run ({self.best}) {percent(self.best_accuracy)}. "
            f"Difference {gain:+.1f} points, 95% interval {low:+.1f} to {high:+.1f}, exact McNemar p = {self.p:.2g}: "
            f"{verdict}."
        )

    def record(self) -> dict[str, object]:
        """The test as plain data."""
        return {**vars(self), "interval": list(self.interval)}


def judge(members: Sequence[Member], held: HeldOut, place: MergePlace) -> Judgement | None:
    """Compare the merged run in ``place.home`` with the best single run; None where no image is new to all runs.

    The test images are used where the dataset has some; else the validation images that all runs held out; else a val
    split that the folds left unused.
    """
    if held.test:
        return _judged(TEST, held.test, read_predictions(place.home, TEST))
    if held.common:
        return _judged(VAL, held.own, part(read_predictions(place.home, VAL), held.common))
    unused = predict_unused(members, place)
    return None if unused is None else _judged(UNUSED, *unused)


def _judged(split: str, singles: Mapping[str, Predictions], merged: Predictions) -> Judgement:
    """Compare predictions for the same images."""
    names = merged.names
    each = {run: part(found, names) for run, found in singles.items()}
    best = max(each, key=lambda run: float(each[run].right.mean()))
    row = compare({best: each[best], "": merged})["comparisons"][0]
    figures = row["metrics"]["accuracy"]
    gain, (low, high) = figures["difference"], figures["interval"]
    decided = bool(figures["significant"])
    return Judgement(
        split,
        len(names),
        best,
        float(merged.right.mean()),
        float(each[best].right.mean()),
        (low, high),
        figures["p"],
        decided and gain < 0,
        decided and gain > 0,
    )
