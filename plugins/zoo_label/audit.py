"""Estimates from the journal: the model's accuracy on pictures drawn at random, and when more labels stop paying."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.api.compute import wilson_interval
from zoo_label.head import fit_head

__all__ = ["Audit", "Stability", "audit_of", "kappa", "reserve"]

WINDOW = 100
"""Number of the latest audited pictures that count."""
FOLDS = 5


@dataclass(frozen=True)
class Audit:
    """Accuracy on pictures drawn at random, each predicted by a model that was fitted without it.

    Args:
        right, count: right predictions, and audited pictures.
        low, high: 95% Wilson interval.
    """

    right: int
    count: int
    low: float
    high: float


def audit_of(
    features: NDArray[np.float32],
    labels: Mapping[int, int],
    drawn: Sequence[int],
    classes: int,
    fixed: NDArray[np.float32] | None = None,
) -> Audit | None:
    """Cross-fit the head on the audited pictures, the latest hundred; None where there are fewer than five.

    Predictions that were made before a label would measure the models of that time, which knew less.

    Args:
        features, labels, classes, fixed: as :func:`zoo_label.head.fit_head` has them.
        drawn: labelled pictures that were drawn at random, in the order of their labels.
    """
    audited = list(drawn)[-WINDOW:]
    if len(audited) < FOLDS:
        return None
    rows = np.fromiter(labels, np.int64, len(labels))
    place = {int(row): i for i, row in enumerate(rows)}
    held = None if fixed is None else fixed[rows]
    right = 0
    for fold in range(FOLDS):
        out = {place[index] for index in audited[fold::FOLDS]}
        kept = {i: labels[int(row)] for i, row in enumerate(rows) if i not in out}
        predicted = fit_head(features[rows], kept, classes, held).argmax(axis=1)
        right += sum(int(predicted[i]) == labels[int(rows[i])] for i in out)
    low, high = wilson_interval(right, len(audited))
    return Audit(right, len(audited), low, high)


def reserve(names: Sequence[str], fraction: float, seed: int) -> list[int]:
    """Indices of the pictures that are drawn at random for the audit, in random order.

    They are fixed before anything is labelled, and never chosen by uncertainty: so they are a random sample of the
    pool, however the other pictures are chosen. A hash of the name decides, so that further pictures change nothing for
    those that are there.

    Args:
        names: names of the pool's pictures.
        fraction: probability of each picture.
        seed: seed of the hash.
    """
    drawn = {index: _uniform(f"{seed} {name}") for index, name in enumerate(names)}
    return sorted((index for index, value in drawn.items() if value < fraction), key=drawn.__getitem__)


def _uniform(text: str) -> float:
    """A number in 0..1 that a text decides."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def kappa(first: NDArray[np.int64], second: NDArray[np.int64], classes: int) -> float:
    """Agreement of two models' predictions beyond chance, Cohen's kappa; 1 where they are equal."""
    if (first == second).all():
        return 1.0
    counts = np.bincount(first * classes + second, minlength=classes * classes).reshape(classes, classes) / len(first)
    chance = float(counts.sum(0) @ counts.sum(1))
    return (float(np.trace(counts)) - chance) / (1 - chance)


class Stability:
    """Decides when more labels stop paying: the predictions for the pool no longer change.

    The mean of the last three agreements (Cohen's kappa) of successive models must reach 0.99.

    Source: M. Bloodgood & K. Vijay-Shanker, A method for stopping active learning based on stabilizing predictions and
    the need for user-adjustable stopping, CoNLL 2009.
    """

    STEP = 10
    """Number of labels between the models that are compared."""
    ENOUGH = 0.99
    OF = 3

    def __init__(self) -> None:
        self._last: tuple[int, Sequence[str], NDArray[np.int64]] | None = None
        self._agreements: list[float] = []

    def add(self, labels: int, classes: Sequence[str], predicted: NDArray[np.int64]) -> None:
        """Add a model's predictions (N,), unless it has few more labels than the one before."""
        if self._last is not None and list(self._last[1]) == list(classes):
            if labels - self._last[0] < self.STEP:
                return
            self._agreements = [*self._agreements, kappa(self._last[2], predicted, len(classes))][-self.OF :]
        else:
            self._agreements = []
        self._last = (labels, list(classes), predicted)

    @property
    def reached(self) -> bool:
        """True where the predictions have become stable."""
        return len(self._agreements) == self.OF and sum(self._agreements) / self.OF >= self.ENOUGH
