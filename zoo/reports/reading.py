"""Figures of a result that several reports show; those of a run without epochs are empty."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from zoo.engine.statistics import wilson_interval
from zoo.runner.main_metric import MainMetric, main_metric, main_metric_of, value_text
from zoo.runner.measurements import ClassScores, EpochRecord, SplitMetrics
from zoo.runner.run_result import RunResult

__all__ = [
    "ClassRow",
    "accuracy_name",
    "at_thresholds",
    "confused_pairs",
    "confusion_of",
    "curve",
    "error_of",
    "extra_metrics",
    "image_name",
    "images_in",
    "interval_of",
    "is_drawn",
    "label_counts",
    "label_names",
    "main_split",
    "main_value",
    "metric_in",
    "names_drawings",
    "on_images",
    "per_class",
    "scored_splits",
    "select_epochs",
    "wilson_interval",
]

KNOWN_METRICS = frozenset({"loss", "accuracy", "f1_macro", "f1_micro", "confusion_matrix", "per_class"})
# "drawn cats and dogs", "these are drawings"; but not "200 images drawn from train".
_DRAWN = re.compile(r"\bdrawings?\b|\bdrawn\b(?! (?:from|at random|out|by lot)\b)", re.IGNORECASE)
Matrix = list[list[int]]


@dataclass(frozen=True)
class ClassRow:
    """One class in a table: its scores, and the number of its training images."""

    name: str
    scores: ClassScores
    trained: int | None


def scored_splits(result: RunResult) -> list[str]:
    """The splits that have final numbers."""
    return [name for name, metrics in result.metrics.items() if metrics.keys()]


def main_split(result: RunResult) -> str | None:
    """The split that the report is about: ``val``, else the first that was scored."""
    scored = scored_splits(result)
    return "val" if "val" in scored else next(iter(scored), None)


def on_images(split: str) -> str:
    """The images that a table is about: ``on the val images``, ``on all images``."""
    return "on all images" if split == "all" else f"on the {split} images"


def image_name(result: RunResult, name: str) -> str:
    """An image's name as its dataset's folder has it: the folder itself stands in the job."""
    root = result.job.data_folder
    return name.removeprefix(f"{root.rstrip('/')}/") if root else name


def accuracy_name(result: RunResult) -> str:
    """The name of the main metric: the accuracy; of multi-label models the exact match; of a regression the MAE."""
    return metric_in(result).name


def metric_in(result: RunResult) -> MainMetric:
    """The main metric of a result: the accuracy, or the mean absolute error."""
    return main_metric(result.task)


def main_value(result: RunResult, split: str | None) -> float | None:
    """The value of a split's main metric; None where it was not measured."""
    return metric_in(result).value(result.metrics_of(split))


def confusion_of(result: RunResult, split: str | None) -> Matrix:
    """The confusion matrix of a split, a row a true class; empty for multi-label models."""
    return [] if result.several_labels else cast(Matrix, result.metrics_of(split).confusion_matrix)


def label_counts(result: RunResult, split: str | None) -> list[Matrix]:
    """For multi-label models, counts (K, 2, 2): for each class rows absent and present, columns no and yes."""
    return cast(list[Matrix], result.metrics_of(split).confusion_matrix) if result.several_labels else []


def label_names(value: Any) -> str:
    """One label, a list of several, or a value, in words."""
    if isinstance(value, int | float):
        return value_text(value)
    if not isinstance(value, list):
        return str(value)
    return ", ".join(map(label_names, value)) or "nothing"


def at_thresholds(result: RunResult) -> list[tuple[str, SplitMetrics]]:
    """``(words, numbers)`` of each split at the thresholds that were chosen for its classes."""
    found = []
    for split, metrics in result.metrics.items():
        if metrics.at_thresholds is not None:
            chosen = "chosen on these very images: optimistic" if split == "val" else "chosen on val"
            found.append((f"{split}, thresholds {chosen}", metrics.at_thresholds))
    return found


def images_in(result: RunResult, split: str | None) -> int | None:
    """The number of images that a split's figures stand on."""
    counts = label_counts(result, split)
    if matrix := counts[0] if counts else confusion_of(result, split):
        return int(sum(map(sum, matrix)))
    return result.images_of(split).images or None


def error_of(result: RunResult, split: str | None) -> float:
    """The share of a split's images that are wrong, 0..1; 1 where nothing was scored."""
    return 1.0 - (result.metrics_of(split).accuracy or 0.0)


def interval_of(result: RunResult, split: str | None) -> tuple[float, float] | None:
    """The 95 % interval of a split's main metric: Wilson's of the accuracy, the bootstrap's of the MAE."""
    if result.has_values:
        low, high = result.metrics_of(split).intervals.get("mae") or (None, None)
        return None if low is None or high is None else (low, high)
    accuracy, images = result.metrics_of(split).accuracy, images_in(result, split)
    if accuracy is None or not images or not 0 <= accuracy <= 1:
        return None
    return wilson_interval(accuracy * images, images)


def extra_metrics(metrics: SplitMetrics) -> dict[str, float]:
    """Metrics of the task and of the job beside the main metric, as far as each is one number."""
    known = {*KNOWN_METRICS, main_metric_of(metrics).key}
    return {name: float(value) for name, value in metrics.numbers.items() if name not in known}


def curve(result: RunResult, split: str, metric: str) -> list[float]:
    """One figure over the epochs; ``nan`` for an epoch that lacks it."""
    values = (record.scores(split).value(metric) for record in result.epochs)
    return [math.nan if value is None else value for value in values]


def is_drawn(result: RunResult) -> bool:
    """Tell images that a plugin has drawn from photos."""
    return names_drawings([*(split.source or "" for split in result.splits.values()), *result.notices])


def names_drawings(texts: Iterable[str]) -> bool:
    """Look for the word drawings in sources and notices."""
    return any(map(_DRAWN.search, texts))


def per_class(result: RunResult, split: str | None, worst: int | None = None) -> list[ClassRow]:
    """A row for each class in label order, or the ``worst`` by F1; a class without images has no say in that."""
    counts = result.images_of("train").per_class
    found = result.metrics_of(split).per_class.items()
    rows = [ClassRow(name, scores, counts.get(name)) for name, scores in found]
    if worst is None or len(rows) <= worst:
        return rows
    scored = [row for row in rows if row.scores.support != 0]
    return sorted(scored, key=lambda row: row.scores.f1 or 0.0)[:worst]


def confused_pairs(matrix: Matrix, classes: list[str], limit: int) -> list[tuple[str, str, int, float]]:
    """The most frequent errors: ``(true, predicted, how many, share of the true class)``, most first."""
    pairs = [
        (classes[i], classes[j], cell, cell / sum(row))
        for i, row in enumerate(matrix)
        for j, cell in enumerate(row)
        if i != j and cell
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], -pair[3]))[:limit]


def select_epochs(epochs: Sequence[EpochRecord], best: int | None, limit: int = 12) -> list[EpochRecord]:
    """At most ``limit`` representative records: the first, the best, the last three, the rest evenly spread."""
    if len(epochs) <= limit:
        return list(epochs)
    last = len(epochs) - 1
    chosen = {0, last, last - 1, last - 2} | {i for i, record in enumerate(epochs) if record.epoch == best}
    for index in _spread(limit - 4, last - 2):
        if len(chosen) < limit:
            chosen.add(index)
    return [epochs[i] for i in sorted(chosen)]


def _spread(points: int, end: int) -> Iterable[int]:
    return (round(i * end / (points + 1)) for i in range(1, points + 1))
