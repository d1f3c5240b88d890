"""Reading a result document: every key may be missing, as in a run that was stopped before its first epoch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from zoo.engine.statistics import wilson_interval

__all__ = [
    "accuracy_name",
    "at_thresholds",
    "best_epoch",
    "confused_pairs",
    "confusion_of",
    "curve",
    "error_of",
    "extra_metrics",
    "images_in",
    "interval_of",
    "is_drawn",
    "label_names",
    "main_split",
    "per_class",
    "select_epochs",
    "several_labels",
    "split_metrics",
    "wilson_interval",
]

Result = dict[str, Any]
KNOWN_METRICS = frozenset({"loss", "accuracy", "f1_macro", "f1_micro", "confusion_matrix", "per_class"})
# "drawn cats and dogs", "these are drawings"; but not "200 images drawn from train".
_DRAWN = re.compile(r"\bdrawings?\b|\bdrawn\b(?! (?:from|at random|out|by lot)\b)", re.IGNORECASE)


def split_metrics(result: Result, split: str | None) -> dict[str, Any]:
    """The metrics of one split, ``{}`` where there are none."""
    return ((result.get("metrics") or {}).get(split) or {}) if split else {}


def main_split(result: Result) -> str | None:
    """The split that the report is about: ``val``, else the first that was scored."""
    scored = [name for name, metrics in (result.get("metrics") or {}).items() if metrics]
    return "val" if "val" in scored else next(iter(scored), None)


def on_images(split: str) -> str:
    """What a table is about: ``on the val images``, ``on all images``."""
    return "on all images" if split == "all" else f"on the {split} images"


def image_name(result: Result, name: str) -> str:
    """An image's name as its dataset's folder has it: the folder itself stands in the job."""
    root = str(((result.get("job") or {}).get("dataset") or {}).get("root") or "")
    return name.removeprefix(f"{root.rstrip('/')}/") if root else name


def several_labels(result: Result) -> bool:
    """Whether images may have several labels each."""
    return result.get("task") == "multi-label"


def accuracy_name(result: Result) -> str:
    """What the accuracy is called: of several labels an image it is the share with all of them right."""
    return "exact match" if several_labels(result) else "accuracy"


def confusion_of(result: Result, split: str | None) -> list[list[int]]:
    """The confusion matrix of a split, a row a true class; of several labels an image there is none."""
    return [] if several_labels(result) else split_metrics(result, split).get("confusion_matrix") or []


def label_names(value: Any) -> str:
    """One label, or a list of several, in words."""
    if not isinstance(value, list):
        return str(value)
    return ", ".join(map(str, value)) or "nothing"


def at_thresholds(result: Result) -> list[tuple[str, dict[str, Any]]]:
    """``(words, numbers)`` of each split at the thresholds that were chosen for its classes."""
    found = []
    for split, metrics in (result.get("metrics") or {}).items():
        numbers = (metrics or {}).get("at_thresholds")
        if numbers:
            chosen = "chosen on these very images: optimistic" if split == "val" else "chosen on val"
            found.append((f"{split}, thresholds {chosen}", numbers))
    return found


def images_in(result: Result, split: str | None) -> int | None:
    """How many images a split's figures stand on."""
    matrix = split_metrics(result, split).get("confusion_matrix")
    if matrix:
        return int(sum(map(sum, matrix[0] if several_labels(result) else matrix)))
    images = ((result.get("splits") or {}).get(split) or {}).get("images")
    return int(images) if images else None


def error_of(result: Result, split: str | None) -> float:
    """The share of a split's images that are wrong, 0..1; 1 where nothing was scored."""
    return 1.0 - float(split_metrics(result, split).get("accuracy") or 0.0)


def interval_of(result: Result, split: str | None) -> tuple[float, float] | None:
    """The 95 % Wilson interval of a split's accuracy, where accuracy and number of images are known."""
    accuracy, images = split_metrics(result, split).get("accuracy"), images_in(result, split)
    if accuracy is None or not images or not 0 <= accuracy <= 1:
        return None
    return wilson_interval(accuracy * images, images)


def extra_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """The job's own metrics, as far as each is one number."""
    numbers = {k: v for k, v in metrics.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    return {name: float(value) for name, value in numbers.items() if name not in KNOWN_METRICS}


def best_epoch(result: Result) -> int | None:
    """The epoch whose weights were kept."""
    epoch = (result.get("best") or {}).get("epoch")
    return None if epoch is None else int(epoch)


def curve(result: Result, split: str, metric: str) -> list[float]:
    """One figure over the epochs; ``nan`` for an epoch that lacks it."""
    values = ((record.get(split) or {}).get(metric) for record in result.get("epochs") or [])
    return [math.nan if value is None else float(value) for value in values]


def is_drawn(result: Result) -> bool:
    """Whether the images were rendered by a plugin and are no photos."""
    sources = [str((split or {}).get("source", "")) for split in (result.get("splits") or {}).values()]
    return any(map(_DRAWN.search, [*sources, *map(str, result.get("notices") or [])]))


def per_class(result: Result, split: str | None, worst: int | None = None) -> list[tuple[str, dict[str, float]]]:
    """``(class, figures)`` in label order, or the ``worst`` by F1; a class without images has no say in that.

    The figures are those of the split, and ``trained``, how many training images the class has.
    """
    counts = ((result.get("splits") or {}).get("train") or {}).get("per_class") or {}
    found = (split_metrics(result, split).get("per_class") or {}).items()
    rows = [(name, {**figures, "trained": counts.get(name)}) for name, figures in found]
    if worst is None or len(rows) <= worst:
        return rows
    scored = [row for row in rows if row[1].get("support") != 0]
    return sorted(scored, key=lambda row: row[1].get("f1") or 0.0)[:worst]


def confused_pairs(matrix: list[list[int]], classes: list[str], limit: int) -> list[tuple[str, str, int, float]]:
    """The most frequent errors: ``(true, predicted, how many, share of the true class)``, most first."""
    pairs = [
        (classes[i], classes[j], cell, cell / sum(row))
        for i, row in enumerate(matrix)
        for j, cell in enumerate(row)
        if i != j and cell
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], -pair[3]))[:limit]


def select_epochs(epochs: list[dict[str, Any]], best: int | None, limit: int = 12) -> list[dict[str, Any]]:
    """At most ``limit`` records that tell the story: the first, the best, the last three, the rest evenly spread."""
    if len(epochs) <= limit:
        return list(epochs)
    last = len(epochs) - 1
    chosen = {0, last, last - 1, last - 2} | {i for i, record in enumerate(epochs) if record.get("epoch") == best}
    for index in _spread(limit - 4, last - 2):
        if len(chosen) < limit:
            chosen.add(index)
    return [epochs[i] for i in sorted(chosen)]


def _spread(points: int, end: int) -> Iterable[int]:
    return (round(i * end / (points + 1)) for i in range(1, points + 1))
