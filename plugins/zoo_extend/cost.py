"""What new classes cost the old ones: a paired comparison on the old classes' validation images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from zoo.api.compute import mcnemar, paired_interval, wilson_interval

__all__ = ["ALPHA", "Cost", "Recall", "cost_of", "recalls"]

ALPHA = 0.05
"""Level of significance."""


@dataclass(frozen=True)
class Cost:
    """Accuracy on the old classes' images with the old model and with the extended one; intervals are of 95 %.

    Args:
        images: number of images of the old classes.
        before, after: accuracy, 0..1, with its interval.
        difference: after minus before, with its paired interval.
        only_before, only_after: number of images that only one of both models gets right.
        taken: number of images that the extended model takes for a new class.
        p: two-sided p-value of the exact McNemar test.
    """

    images: int
    before: float
    before_interval: tuple[float, float]
    after: float
    after_interval: tuple[float, float]
    difference: float
    interval: tuple[float, float]
    only_before: int
    only_after: int
    taken: int
    p: float

    @property
    def significant(self) -> bool:
        """True where the accuracies differ significantly."""
        return self.p < ALPHA

    def document(self) -> dict[str, Any]:
        """The entries of a result."""
        return {**asdict(self), "test": "exact McNemar", "significant": self.significant}


@dataclass(frozen=True)
class Recall:
    """Recognised validation images of a new class, and the interval of their share."""

    right: int
    images: int
    share: float
    interval: tuple[float, float]


def cost_of(old: Tensor, new: Tensor, targets: Tensor) -> Cost:
    """Compare the old model with the extended one on images of old classes.

    Args:
        old: logits (N, K); new: logits (N, K + M); targets: (N,) int64, below K.
    """
    first, second = old.argmax(dim=1) == targets, new.argmax(dim=1) == targets
    images, before, after = len(targets), int(first.sum()), int(second.sum())
    lost, won = int((first & ~second).sum()), int((second & ~first).sum())
    return Cost(
        images=images,
        before=before / images,
        before_interval=wilson_interval(before, images),
        after=after / images,
        after_interval=wilson_interval(after, images),
        difference=(after - before) / images,
        interval=paired_interval(lost, won, images),
        only_before=lost,
        only_after=won,
        taken=int((new.argmax(dim=1) >= old.shape[1]).sum()),
        p=mcnemar(lost, won),
    )


def recalls(new: Tensor, targets: Tensor, classes: list[str], old: int) -> dict[str, Recall]:
    """Recall of each new class.

    Args:
        new: logits (N, K + M); targets: (N,) int64; classes: all names; old: number of old classes.
    """
    found = {}
    for label, name in enumerate(classes[old:], start=old):
        own = targets == label
        images, right = int(own.sum()), int((own & (new.argmax(dim=1) == targets)).sum())
        found[name] = Recall(right, images, right / images, wilson_interval(right, images))
    return found
