"""The numbers of a run: of an epoch, and of a split at the end. Accuracies are fractions, times are in seconds."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from zoo.runner.records import Number, Record

__all__ = [
    "BaselineScores",
    "BestEpoch",
    "CalibrationScores",
    "ClassScores",
    "EpochRecord",
    "EpochScores",
    "Mistake",
    "SplitMetrics",
    "SplitSummary",
]


class EpochScores(Record):
    """The numbers of one split after an epoch; the metrics of the job are further entries."""

    loss: Number | None = None
    accuracy: Number | None = None
    f1_macro: Number | None = None

    def value(self, name: str) -> float | None:
        """A number by its name; None where there is none."""
        found = getattr(self, name) if name in type(self).model_fields else self.extra.get(name)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


class EpochRecord(Record):
    """One epoch: a line of metrics.jsonl.

    Args:
        epoch: its number, from 1.
        lr: the learning rate at its beginning, the largest of all parameter groups.
        images_per_second: training speed, without the evaluation.
        best: whether its weights were the best so far.
    """

    epoch: int = 0
    train: EpochScores = EpochScores()
    val: EpochScores = EpochScores()
    lr: Number | None = None
    seconds: Number | None = None
    images_per_second: Number | None = None
    best: bool = False

    def scores(self, split: str) -> EpochScores:
        """The numbers of ``train`` or ``val``; no numbers of any other split."""
        return {"train": self.train, "val": self.val}.get(split, EpochScores())

    def monitored(self, monitor: str) -> float | None:
        """The value that a job monitors, by its path: ``val/accuracy``."""
        split, _, name = monitor.partition("/")
        return self.scores(split).value(name)


class BestEpoch(Record):
    """The epoch whose weights are kept, and its monitored value; NaN where it is not a number."""

    epoch: int
    metric: str = ""
    value: Number = math.nan


class ClassScores(Record):
    """The numbers of one class; None where a class has no images, or is never predicted."""

    precision: Number | None = None
    recall: Number | None = None
    f1: Number | None = None
    support: int | None = None


class BaselineScores(Record):
    """The numbers of the best constant answer: a class, or a list of labels."""

    answer: Any = None
    accuracy: Number | None = None

    def value(self, name: str) -> float | None:
        """A number by its name; None where there is none."""
        found = self.accuracy if name == "accuracy" else self.extra.get(name)
        return found if isinstance(found, int | float) else None


class ReliabilityBin(Record):
    """The answers of similar confidence: their number, mean confidence and accuracy."""

    images: int
    confidence: Number
    accuracy: Number


class ScaledScores(Record):
    """Calibration by the fitted temperature; ``how`` says on which images it was fitted."""

    how: str = ""
    ece: Number | None = None
    nll: Number | None = None
    reliability: list[ReliabilityBin] = Field(default_factory=list)


class CalibrationScores(Record):
    """Expected calibration error and log loss, as the network answers and by its temperature."""

    ece: Number | None = None
    nll: Number | None = None
    reliability: list[ReliabilityBin] = Field(default_factory=list)
    temperature: Number | None = None
    scaled: ScaledScores | None = None


Matrix = list[list[int]]


class SplitMetrics(Record):
    """The final numbers of a split; the metrics of the job are further entries.

    Args:
        confusion_matrix: (K, K) counts, a row for each true class; of several labels an image (K, 2, 2).
        intervals: name of a number -> the two ends of its 95 % interval.
        at_thresholds: of several labels, the numbers at the thresholds chosen on val.
    """

    loss: Number | None = None
    accuracy: Number | None = None
    f1_macro: Number | None = None
    f1_micro: Number | None = None
    per_class: dict[str, ClassScores] = Field(default_factory=dict)
    confusion_matrix: Matrix | list[Matrix] = Field(default_factory=list)
    intervals: dict[str, list[Number]] = Field(default_factory=dict)
    baseline: BaselineScores = BaselineScores()
    calibration: CalibrationScores = CalibrationScores()
    at_thresholds: SplitMetrics | None = None

    @property
    def numbers(self) -> dict[str, float]:
        """Every entry that is one number, in the order of the document."""
        found = {name: self[name] for name in self.keys()}
        return {k: v for k, v in found.items() if isinstance(v, int | float) and not isinstance(v, bool)}


class Mistake(Record):
    """A wrong answer: the image, its true and its predicted label (of several labels a list), and the confidence.

    Args:
        wrong: of several labels, the one that the answer is most wrong about.
    """

    name: str = "–"
    true: str | list[str] = "–"
    predicted: str | list[str] = "–"
    wrong: str | None = None
    confidence: Number | None = None


class SkippedImage(Record):
    """An image that could not be decoded."""

    name: str = "–"
    reason: str = "–"


class SplitSummary(Record):
    """The images of a split.

    Args:
        per_class: class -> number of images.
        fingerprint: a hash of the images and labels.
        source: where the images come from, in words.
    """

    images: int | None = None
    skipped: list[SkippedImage] = Field(default_factory=list)
    fingerprint: str | None = None
    source: str | None = None
    per_class: dict[str, int] = Field(default_factory=dict)
