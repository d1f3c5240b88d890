"""The loss of a batch against that of its parts, also of a stochastic loss, in words."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.engine.batch_weights import Loss, Parts, compare_parts

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
    found = found if found.repeatable else _on_average(loss, logits, targets)
    if found.agree:
        return ""
    if abs(found.combined - found.whole) <= CLOSE * abs(found.whole):
        return "the gradient of the parts of a batch, by their weights, differs from that of the batch"
    average = "" if found.repeatable else " on average"
    parts, whole = f"{found.combined:.5g}{average}", f"{found.whole:.5g}"
    return f"the parts of a batch, by their weights, have the loss {parts}, and the batch {whole}"


def _on_average(loss: Loss, logits: Tensor, targets: Tensor) -> Parts:
    """The means of many draws of a stochastic loss; they agree where their difference may be by chance."""
    found = []
    with torch.random.fork_rng(devices=[]):
        for seed in range(DRAWS):
            torch.manual_seed(seed)
            found.append(compare_parts(loss, logits, targets))
    whole, combined = (torch.tensor([parts[i] for parts in found], dtype=torch.float64) for i in (0, 1))
    chance = CERTAIN * (combined - whole).std() / DRAWS**0.5
    agree = bool((combined - whole).mean().abs() <= chance + CLOSE * whole.mean().abs())
    return Parts(float(whole.mean()), float(combined.mean()), agree, repeatable=False)
