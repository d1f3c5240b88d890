"""Losses of ordered classes 0..K-1: K - 1 logits, each of a rank to exceed, and targets (N,) int64 or (N, K) soft.

Each is a pure function under a thin module. Half-precision logits are converted to float32; all return a scalar.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo_losses.precision import full_precision

__all__ = ["CornLoss", "OrdinalLoss", "corn", "ordinal"]


def ordinal(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of P(y > k) for each of the K - 1 ranks k, mean over images and ranks.

    The reduction of Frank & Hall 2001 ("A simple approach to ordinal classification") with one network, as in Cao,
    Mirjalili & Raschka 2020 (arXiv:1901.07884), but with weights of its own for each rank.

    Args:
        logits: (N, K - 1) float, of P(y > 0) ... P(y > K - 2).
        targets: (N,) int64, or (N, K) probabilities.
    """
    logits = full_precision(logits)
    return F.binary_cross_entropy_with_logits(logits, _reached(targets, logits)[:, 1:])


def corn(logits: Tensor, targets: Tensor) -> Tensor:
    """Conditional ordinal regression, CORN (Shi, Cao & Raschka 2021, arXiv:2111.08851, eq. 5).

    Logit k is of P(y > k | y >= k), and is trained on the images with y >= k alone; the sum of the binary cross
    entropies is divided by their number. P(y > k) is the product of the conditional probabilities up to k, so that it
    never increases with k.

    Args:
        logits: (N, K - 1) float.
        targets: (N,) int64, or (N, K) probabilities, for which it is the expectation over the target's distribution.
    """
    logits = full_precision(logits)
    reached = _reached(targets, logits)  # (N, K): P(y >= k)
    given, above = reached[:, :-1], reached[:, 1:]
    total = -(above * F.logsigmoid(logits) + (given - above) * F.logsigmoid(-logits)).sum()
    return total / given.sum()


class OrdinalLoss(nn.Module):
    """Cumulative logits; see :func:`ordinal`. The network has an output for each rank but the last."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return ordinal(logits, targets)

    @staticmethod
    def link() -> dict[str, Any]:
        """Describe the outputs of the network."""
        return {"kind": "cumulative"}


class CornLoss(nn.Module):
    """CORN; see :func:`corn`. The network has an output for each rank but the last.

    Args:
        num_classes: set by the job; number of ranks.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return corn(logits, targets)

    def weight_of(self, targets: Tensor) -> Tensor:
        """Divisor of the loss, a scalar: the number of binary decisions, of which an image of rank y has y + 1."""
        if targets.ndim == 2:
            return targets.flip(1).cumsum(1).flip(1)[:, :-1].sum()
        return (targets + 1).clamp_max(self.num_classes - 1).sum().float()

    @staticmethod
    def link() -> dict[str, Any]:
        """Describe the outputs of the network."""
        return {"kind": "corn"}


def _reached(targets: Tensor, logits: Tensor) -> Tensor:
    """Probability (N, K) that the target is at least of rank k, in the dtype of the logits.

    Raises:
        ValueError: the number of classes is not that of the logits and 1.
    """
    count = logits.shape[1] + 1
    if targets.ndim == 1:
        return (targets[:, None] >= torch.arange(count, device=targets.device)).to(logits.dtype)
    if targets.shape != (len(logits), count):
        raise ValueError(
            f"targets have shape {tuple(targets.shape)} and logits {tuple(logits.shape)}; targets must be ranks (N,) "
            f"or probabilities (N, {count}), one more than the logits"
        )
    return targets.to(logits.dtype).flip(1).cumsum(1).flip(1)
