"""Trends over the epochs of a result, as pure functions; nan or 1 where figures lack.

Training figures come from batches that were augmented and a network with dropout on, so they understate what
the network knows of its training images: a gap to the validation accuracy is if anything larger than it looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from zoo.reports.reading import curve
from zoo.runner.run_result import RunResult

__all__ = ["LOSS_RISE_EPOCHS", "STILL_RISING", "TAIL", "gap", "loss_rise", "rising", "still_rising"]
__all__ += ["LOSS_RISE", "tail_accuracy", "tail_of"]

LOSS_RISE_EPOCHS = 3
"""A validation loss counts as rising when its lowest value lies at least this many epochs back."""
LEAST_LOSS_RISE = 0.02
"""A smaller rise of the validation loss, in nats, is noise: near a loss of 0 a single image changes it by more."""
STILL_RISING = 0.01
"""An accuracy counts as rising when its last eighth is this much above the eighth before, on average."""
TAIL = 3
"""Epochs at the end that are averaged, for single ones jump; of a short training the last quarter."""
LOSS_RISE = 1.15
"""Validation loss at the end as a multiple of its lowest, while the training loss went on falling."""


def tail_accuracy(result: RunResult, split: str) -> float:
    """Mean accuracy of the last epochs, 0..1."""
    return tail_of(result, split, "accuracy")


def tail_of(result: RunResult, split: str, metric: str) -> float:
    """Mean of a metric in the last epochs."""
    return _tail(curve(result, split, metric))


def gap(result: RunResult) -> float:
    """How far the training accuracy lies above the validation accuracy at the end, -1..1."""
    return tail_accuracy(result, "train") - tail_accuracy(result, "val")


def loss_rise(result: RunResult) -> float:
    """The validation loss at the end as a multiple of its lowest, provided that the training loss went on falling."""
    train, val = curve(result, "train", "loss"), curve(result, "val", "loss")
    finite = [i for i, value in enumerate(val) if math.isfinite(value)]
    if not finite:
        return 1.0
    lowest = min(finite, key=val.__getitem__)
    since = len(val) - 1 - lowest
    if since < LOSS_RISE_EPOCHS or val[lowest] <= 0 or not _tail(train) < train[lowest]:
        return 1.0
    return _tail(val) / val[lowest] if _tail(val) - val[lowest] >= LEAST_LOSS_RISE else 1.0


def rising(result: RunResult) -> bool:
    """Tell a validation accuracy that still went up when the training ended."""
    return still_rising(curve(result, "val", "accuracy"))


def still_rising(accuracy: Sequence[float], least: float = STILL_RISING) -> bool:
    """Tell an accuracy by epoch that goes up by ``least`` at its end; a single epoch counts as rising."""
    part = max(1, len(accuracy) // 8)
    if len(accuracy) < 2:
        return len(accuracy) == 1
    return _mean(accuracy[-part:]) - _mean(accuracy[-2 * part : -part]) >= least


def _tail(values: Sequence[float]) -> float:
    return _mean(values[-max(1, min(TAIL, len(values) // 4)) :])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
