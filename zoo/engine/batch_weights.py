"""Weights that make the losses of a batch's parts (per process or per piece) average to the loss of the whole batch.

A mean over images is the mean of its parts weighted by their numbers of images. A weighted mean is the mean of its
parts by their weights, which the loss returns by an optional method ``batch_weight(targets)``: its divisor, a scalar,
or None where that is the number of images. Any other loss depends on the whole batch and can't be split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo.engine.ranks import ALONE, Ranks

__all__ = ["is_of_whole_batch", "weighed"]

Loss = Callable[[Tensor, Tensor], Tensor]
_IMAGES = 24


def weighed(loss_fn: Loss, targets: Tensor, share: float = 1.0, ranks: Ranks = ALONE) -> Loss:
    """Wrap a loss so that the mean of its values over a batch's parts, weighted by images, is the whole batch's loss.

    Args:
        targets: targets of this process, (n,) or (n, K).
        share: weight of this process's part in the whole batch; see :meth:`Ranks.share`.
    """
    own = _weight_of_an_image(loss_fn, targets)
    if own is None:
        return loss_fn
    whole = own * share
    ranks.all_reduce([whole])
    whole = (whole / ranks.size).clamp_min(torch.finfo(whole.dtype).tiny)  # 0 if every image has weight 0

    def loss(logits: Tensor, some: Tensor) -> Tensor:
        part = _weight_of_an_image(loss_fn, some)
        assert part is not None
        return loss_fn(logits, some) * (part / whole)

    return loss


def _weight_of_an_image(loss_fn: Loss, targets: Tensor) -> Tensor | None:
    """Mean weight per image, a scalar; None where all images weigh the same."""
    tell = getattr(loss_fn, "batch_weight", None)
    weight = None if tell is None else tell(targets)
    return None if weight is None else weight.detach() / len(targets)


def is_of_whole_batch(loss_fn: Loss, num_classes: int, device: torch.device, *, multilabel: bool = False) -> bool:
    """Check by trial that a loss is not a (weighted) mean over images, so that a batch can't be split.

    A stochastic loss can't be checked; the result is then False.
    """
    logits, targets = _batch(num_classes, multilabel)
    logits, targets = logits.to(device), targets.to(device)
    with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        whole, again = (loss_fn(logits.clone(), targets.clone()) for _ in range(2))
        part = weighed(loss_fn, targets)
        cuts: list[Any] = [slice(None, _IMAGES // 3), slice(_IMAGES // 3, None)]
        parts = [part(logits[cut].clone(), targets[cut].clone()) * len(targets[cut]) / len(targets) for cut in cuts]
    close = torch.allclose(torch.stack(parts).sum(), whole, rtol=1e-3, atol=1e-6)
    return bool(torch.equal(whole, again)) and not close


def _batch(num_classes: int, multilabel: bool) -> tuple[Tensor, Tensor]:
    """Random logits, and targets with an unequal class distribution."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(_IMAGES, num_classes, generator=generator)
    if multilabel:
        return logits, (torch.rand(_IMAGES, num_classes, generator=generator) > 0.5).float()
    return logits, (torch.arange(_IMAGES) * num_classes) // _IMAGES
