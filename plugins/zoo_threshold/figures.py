"""What a threshold does: how many predictions it accepts, and how many of those are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.api.compute import wilson_interval
from zoo.api.running import Below, Predictions

__all__ = ["ChosenThreshold", "ClassFigures", "ThresholdFigures", "measure"]


@dataclass(frozen=True)
class ClassFigures:
    """Predictions of a class with its threshold; a fraction of nothing is None."""

    below: float
    answered: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class ThresholdFigures:
    """Predictions of a split with a threshold: the number and share of accepted ones, and the precision among them.

    ``accuracy`` is without a threshold; ``precision`` and ``interval`` are None where no prediction is accepted.
    """

    images: int
    answered: int
    share: float
    precision: float | None
    interval: list[float] | None
    accuracy: float
    per_class: dict[str, ClassFigures]


@dataclass(frozen=True)
class ChosenThreshold:
    """Document of ``zoo runs threshold``: the option that was given, the threshold, and its figures by split."""

    run: str
    dir: str
    by: dict[str, float | str]
    below: Below
    splits: dict[str, ThresholdFigures]
    kept: bool


def measure(kept: Predictions, below: Below) -> ThresholdFigures:
    """Evaluate thresholds on a split's predictions."""
    limits = np.array([below.get(name, 0.0) if isinstance(below, dict) else below for name in kept.classes])
    taken, right = kept.confidence >= limits[kept.predicted], kept.right
    answered, hits = int(taken.sum()), int((taken & right).sum())
    return ThresholdFigures(
        images=len(right),
        answered=answered,
        share=answered / len(right),
        precision=hits / answered if answered else None,
        interval=list(wilson_interval(hits, answered)) if answered else None,
        accuracy=float(right.mean()),
        per_class={name: _of_class(kept, k, taken, float(limits[k])) for k, name in enumerate(kept.classes)},
    )


def _of_class(kept: Predictions, k: int, taken: NDArray[np.bool_], below: float) -> ClassFigures:
    given, real = taken & (kept.predicted == k), kept.targets == k
    answered, images, hits = int(given.sum()), int(real.sum()), int((given & real).sum())
    precision, recall = (hits / count if count else None for count in (answered, images))
    return ClassFigures(below, answered, precision, recall)
