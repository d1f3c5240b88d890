"""The loss of a batch against that of its parts, also of a stochastic loss, in words."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.engine.batch_weights import Loss, compare_parts

__all__ = ["difference_of_parts"]

DRAWS = 100
"""Number of values over which a stochastic loss is averaged."""
CLOSE = 1e-3
CERTAIN = 4.0
"""Number of standard errors beyond which a difference is not by chance."""


def difference_of_parts(loss: Loss, logits: Tensor, targets: Tensor) -> str:
    """Describe how the loss of a batch differs from that of its parts by their weights; empty where it does not.

    Args:
        logits: (24, K).
        targets: (24,) or (24, K).
    """
    found = compare_parts(loss, logits, targets)
    if found.repeatable:
        return "" if found.agree else found.difference
    whole, combined, chance = _average(loss, logits, targets)
    if abs(combined - whole) <= chance + CLOSE * abs(whole):
        return ""
    return f"the loss of a batch is {whole:.5g} on average, and that of its parts {combined:.5g}"


def _average(loss: Loss, logits: Tensor, targets: Tensor) -> tuple[float, float, float]:
    """The mean loss of the batch and that of its parts, over many draws, and how far they may differ by chance."""
    found = []
    with torch.random.fork_rng(devices=[]):
        for seed in range(DRAWS):
            torch.manual_seed(seed)
            found.append(compare_parts(loss, logits, targets))
    whole, combined = (torch.tensor([parts[i] for parts in found], dtype=torch.float64) for i in (0, 1))
    error = (combined - whole).std() / DRAWS**0.5
    return float(whole.mean()), float(combined.mean()), float(CERTAIN * error)
