"""Weights that make the losses of a batch's parts (per process or per piece) average to the loss of the whole batch.

A mean over images is the mean of its parts weighted by their numbers of images. A weighted mean is the mean of its
parts by their weights, which the loss returns by an optional method ``batch_weight(targets)``: its divisor, a scalar,
or None where that is the number of images. Any other loss depends on the whole batch and can't be split.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from zoo.engine.outputs import NO_OUTPUTS, Outputs, call_scored, loss_module
from zoo.engine.ranks import ALONE, Ranks

__all__ = ["is_of_whole_batch", "weighed"]

Loss = Callable[..., Tensor]
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

    def loss(logits: Tensor, some: Tensor, **outputs: Tensor) -> Tensor:
        part = _weight_of_an_image(loss_fn, some)
        assert part is not None
        value: Tensor = loss_fn(logits, some, **outputs) * (part / whole)
        return value

    loss.__wrapped__ = loss_fn  # type: ignore[attr-defined]
    return loss


def _weight_of_an_image(loss_fn: Loss, targets: Tensor) -> Tensor | None:
    """Mean weight per image, a scalar; None where all images weigh the same."""
    tell = getattr(loss_fn, "batch_weight", None)
    weight = None if tell is None else tell(targets)
    return None if weight is None else weight.detach() / len(targets)


def is_of_whole_batch(
    loss_fn: Loss, num_classes: int, device: torch.device, *, multilabel: bool = False, outputs: Outputs = NO_OUTPUTS
) -> bool:
    """Check by trial that a loss is not a (weighted) mean over images, so that a batch can't be split.

    A stochastic loss can't be checked; the result is then False.

    Args:
        outputs: examples of the network's further outputs, which the loss may take.
    """
    logits, targets, given = _batch(num_classes, multilabel, outputs)
    logits, targets, given = logits.to(device), targets.to(device), {k: v.to(device) for k, v in given.items()}
    loss_fn = copy.deepcopy(loss_fn) if loss_module(loss_fn) is loss_fn else loss_fn  # one may count its calls

    def value(function: Loss, cut: slice) -> Tensor:
        part: Tensor = call_scored(
            function, logits[cut].clone(), targets[cut].clone(), {k: v[cut] for k, v in given.items()}
        )
        return part

    with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        whole, again = (value(loss_fn, slice(None)) for _ in range(2))
        part = weighed(loss_fn, targets)
        cuts = [slice(None, _IMAGES // 3), slice(_IMAGES // 3, None)]
        parts = [value(part, cut) * len(targets[cut]) / len(targets) for cut in cuts]
    close = torch.allclose(torch.stack(parts).sum(), whole, rtol=1e-3, atol=1e-6)
    return bool(torch.equal(whole, again)) and not close


def _batch(num_classes: int, multilabel: bool, examples: Outputs) -> tuple[Tensor, Tensor, Outputs]:
    """Random logits and further outputs, and targets with an unequal class distribution."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(_IMAGES, num_classes, generator=generator)
    given = {
        name: torch.randn(_IMAGES, *value.shape[1:], generator=generator).to(value.dtype)
        for name, value in examples.items()
    }
    if multilabel:
        return logits, (torch.rand(_IMAGES, num_classes, generator=generator) > 0.5).float(), given
    return logits, (torch.arange(_IMAGES) * num_classes) // _IMAGES, given
