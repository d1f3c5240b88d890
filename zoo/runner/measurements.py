"""The measurements of a run: of an epoch, and of a split at the end. Accuracies are fractions, times are in seconds."""

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
    "Coverage",
    "CoverageScores",
    "EpochRecord",
    "EpochScores",
    "Mistake",
    "SplitMetrics",
    "SplitSummary",
]


class EpochScores(Record):
    """The metrics of one split after an epoch; the job's own metrics are further entries."""

    loss: Number | None = None
    accuracy: Number | None = None
    f1_macro: Number | None = None
    mae: Number | None = None

    def value(self, name: str) -> float | None:
        """Look up a metric by name; None where it is missing or not a number."""
        found = getattr(self, name) if name in type(self).model_fields else self.extra.get(name)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


class EpochRecord(Record):
    """One epoch: a line of metrics.jsonl.

    Args:
        epoch: number of the epoch, from 1.
        train, val: metrics of the splits.
        lr: largest learning rate of all parameter groups at the start of the epoch.
        seconds: duration of training and validation.
        images_per_second: training speed, without the validation.
        best: its weights were the best so far.
    """

    epoch: int = 0
    train: EpochScores = EpochScores()
    val: EpochScores = EpochScores()
    lr: Number | None = None
    seconds: Number | None = None
    images_per_second: Number | None = None
    best: bool = False

    def scores(self, split: str) -> EpochScores:
        """The metrics of ``train`` or ``val``; empty for any other split."""
        return {"train": self.train, "val": self.val}.get(split, EpochScores())

    def monitored(self, monitor: str) -> float | None:
        """Value of a monitored metric, by its path, for example ``val/accuracy``; None where it is missing."""
        split, _, name = monitor.partition("/")
        return self.scores(split).value(name)


class BestEpoch(Record):
    """The epoch whose weights are kept, and its monitored value; NaN where it is not a number."""

    epoch: int
    metric: str = ""
    value: Number = math.nan


class ClassScores(Record):
    """The metrics of one class; None where they are undefined, as for a class without images or predictions."""

    precision: Number | None = None
    recall: Number | None = None
    f1: Number | None = None
    support: int | None = None


class BaselineScores(Record):
    """The metrics of the best constant answer: a class, a list of labels, or the median."""

    answer: Any = None
    accuracy: Number | None = None
    mae: Number | None = None

    def value(self, name: str) -> float | None:
        """Look up a metric by name; None where it is missing."""
        found = {"accuracy": self.accuracy, "mae": self.mae}.get(name, self.extra.get(name))
        return found if isinstance(found, int | float) else None


class ReliabilityBin(Record):
    """A bin of the reliability diagram: number of images, mean confidence and accuracy."""

    images: int
    confidence: Number
    accuracy: Number


class ScaledScores(Record):
    """Calibration after temperature scaling; ``how`` names the images that the temperature was fitted on."""

    how: str = ""
    ece: Number | None = None
    nll: Number | None = None
    reliability: list[ReliabilityBin] = Field(default_factory=list)


class CalibrationScores(Record):
    """Calibration of the raw confidences, and after temperature scaling.

    Args:
        ece: expected calibration error, 0..1.
        nll: mean negative log-likelihood.
        temperature: fitted divisor of the logits.
    """

    ece: Number | None = None
    nll: Number | None = None
    reliability: list[ReliabilityBin] = Field(default_factory=list)
    temperature: Number | None = None
    scaled: ScaledScores | None = None


class ValueScores(Record):
    """The metrics of one value of a regression, in its unit."""

    mae: Number | None = None
    rmse: Number | None = None
    r2: Number | None = None
    spearman: Number | None = None


class Coverage(Record):
    """Rate at which sets of classes, or intervals, contain the truth, and its 95 % confidence interval."""

    images: int
    covered: Number
    interval: list[Number]


class CoverageScores(Coverage):
    """Verification of conformal sets, or of intervals.

    Args:
        how: images of the calibration: ``cross-fitted`` or ``calibrated on val``.
        promised: the rate that was asked for.
        size: mean number of classes in a set.
        single: rate of the sets with one class.
        width: mean width of the intervals of a regression, which has no sets.
    """

    how: str = ""
    promised: Number
    size: Number | None = None
    single: Number | None = None
    width: Number | None = None
    per_class: dict[str, Coverage] = Field(default_factory=dict)


Matrix = list[list[int]]


class SplitMetrics(Record):
    """The final metrics of a split; the job's own metrics are further entries.

    Args:
        confusion_matrix: (K, K) counts, a row for each true class; (K, 2, 2) of a multi-label task.
        intervals: metric name -> lower and upper end of its 95 % confidence interval.
        at_thresholds: metrics of a multi-label task at the thresholds fitted on val.
        mae, rmse, r2, spearman: of a regression, the mean over its values; ``per_output`` has each.
        conformal: sets of classes, where an evaluation was asked for a coverage.
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
    mae: Number | None = None
    rmse: Number | None = None
    r2: Number | None = None
    spearman: Number | None = None
    per_output: dict[str, ValueScores] = Field(default_factory=dict)
    conformal: CoverageScores | None = None

    @property
    def numbers(self) -> dict[str, float]:
        """All scalar entries, in the order of the document."""
        found = {name: self[name] for name in self.keys()}
        return {k: v for k, v in found.items() if isinstance(v, int | float) and not isinstance(v, bool)}


class Mistake(Record):
    """A wrong prediction: the image, its true and predicted label or value, and the confidence or the error.

    Args:
        true, predicted: a label; of a multi-label task a list of labels; of a regression a value.
        wrong: of a multi-label task, the label with the largest error; of several values, that with the largest error.
        error: of a regression, the predicted value minus the true one.
        confidence: probability of the prediction, 0..1.
    """

    name: str = "–"
    true: str | list[str] | float = "–"
    predicted: str | list[str] | float = "–"
    wrong: str | None = None
    confidence: Number | None = None
    error: Number | None = None


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
        split_digest: digest of the dataset's division into splits, where a file contains it.
    """

    images: int | None = None
    skipped: list[SkippedImage] = Field(default_factory=list)
    fingerprint: str | None = None
    source: str | None = None
    per_class: dict[str, int] = Field(default_factory=dict)
    split_digest: str | None = None
