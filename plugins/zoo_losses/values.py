"""Losses of values: outputs (N, K) and targets (N, K), float, standardised by mean and standard deviation.

Each is a pure function under a thin module. Half-precision outputs are converted to float32; all return a scalar, the
mean over images and values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from zoo_losses.precision import full_precision

__all__ = ["L1", "Huber", "Quantile", "huber", "l1", "quantile", "squared_error"]

LEVELS = (0.05, 0.5, 0.95)
"""Quantile levels by default: the median and an interval of 90 %."""


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared error, mean over images and values.

    Args:
        outputs: (N, K) float.
        targets: (N, K) float.
    """
    outputs = full_precision(outputs)
    return F.mse_loss(outputs, _like(targets, outputs))


def l1(outputs: Tensor, targets: Tensor) -> Tensor:
    """Absolute error, mean over images and values; its minimum is the median.

    Args:
        outputs: (N, K) float.
        targets: (N, K) float.
    """
    outputs = full_precision(outputs)
    return F.l1_loss(outputs, _like(targets, outputs))


def huber(outputs: Tensor, targets: Tensor, delta: float = 1.0) -> Tensor:
    """Huber loss, mean over images and values (Huber 1964, Annals of Mathematical Statistics 35, 73).

    ``error**2 / 2`` for errors up to ``delta``, beyond it ``delta * (|error| - delta / 2)``.

    Args:
        outputs: (N, K) float.
        targets: (N, K) float.
        delta: above 0, in standard deviations of the targets.
    """
    outputs = full_precision(outputs)
    return F.huber_loss(outputs, _like(targets, outputs), delta=delta)


def quantile(outputs: Tensor, targets: Tensor, levels: Sequence[float] = LEVELS) -> Tensor:
    """Pinball loss, mean over images, values and levels (Koenker & Bassett 1978, Econometrica 46, 33).

    For level q and ``error = target - output`` it is ``q * error`` for errors above 0, else ``(q - 1) * error``.

    Args:
        outputs: (N, K * Q) float: for each value the Q quantiles, in the order of ``levels``.
        targets: (N, K) float.
        levels: Q numbers in 0..1.
    """
    outputs = full_precision(outputs).unflatten(1, (-1, len(levels)))  # (N, K, Q)
    error = _like(targets, outputs[..., 0])[..., None] - outputs
    q = outputs.new_tensor(levels)
    return (error.relu() * q + (-error).relu() * (1 - q)).mean()


class L1(nn.Module):
    """Mean absolute error; see :func:`l1`."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return l1(outputs, targets)


class Huber(nn.Module):
    """Huber loss; see :func:`huber`.

    Args:
        delta: error from which on the loss is linear, above 0; in standard deviations of the training targets.

    Raises:
        ValueError: ``delta`` is not a number above 0.
    """

    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        if not 0 < delta < math.inf:
            raise ValueError(f"delta is {delta}; it must be a number above 0 (1 is usual)")
        self.delta = delta

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return huber(outputs, targets, self.delta)


class Quantile(nn.Module):
    """Pinball loss; see :func:`quantile`. The network has an output for each value and level.

    Args:
        quantiles: levels in increasing order, between 0 and 1.

    Raises:
        ValueError: a level is not between 0 and 1, or the levels don't increase.
    """

    def __init__(self, quantiles: tuple[float, ...] = LEVELS) -> None:
        super().__init__()
        self.quantiles = _levels(quantiles)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return quantile(outputs, targets, self.quantiles)

    @staticmethod
    def link(quantiles: Sequence[float] = LEVELS) -> dict[str, Any]:
        """Describe the outputs of the network.

        Raises:
            ValueError: see the class.
        """
        return {"kind": "quantiles", "levels": _levels(quantiles)}


def _levels(quantiles: Sequence[float]) -> list[float]:
    levels = [float(level) for level in quantiles]
    inside = all(0 < level < 1 for level in levels)
    if not levels or not inside or any(a >= b for a, b in pairwise(levels)):
        raise ValueError(
            f"quantiles is {list(quantiles)}; it must hold increasing numbers between 0 and 1, such as {list(LEVELS)}"
        )
    return levels


def _like(targets: Tensor, outputs: Tensor) -> Tensor:
    """Targets in the dtype of the outputs.

    Raises:
        ValueError: the shapes differ; torch would broadcast (N,) against (N, 1).
    """
    if targets.shape != outputs.shape:
        raise ValueError(
            f"targets have shape {tuple(targets.shape)} and outputs are for {tuple(outputs.shape)}; targets must be "
            "values (N, K)"
        )
    return targets.to(outputs.dtype)
