"""A batch in parts, among processes or piece by piece: what makes the parts' losses the loss of the whole batch.

A mean over the images is the mean of its parts by their numbers of images. A weighted mean is that of its parts by
their weights, which a loss tells by an optional method ``batch_weight(targets)``: the number that it divided by, a
scalar, or None where that is the number of images. Any other loss is of the batch that it is given, and of no parts.
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
    """The loss, such that the mean of the parts' values, by their numbers of images, is the whole batch's value.

    Args:
        targets: this process's, (n,) or (n, K).
        share: their weight in the batch of all processes; see :meth:`Ranks.share`.
    """
    own = _weight_of_an_image(loss_fn, targets)
    if own is None:
        return loss_fn
    whole = own * share
    ranks.add([whole])
    whole = (whole / ranks.size).clamp_min(torch.finfo(whole.dtype).tiny)  # of weightless images alone it is 0

    def loss(logits: Tensor, some: Tensor) -> Tensor:
        part = _weight_of_an_image(loss_fn, some)
        assert part is not None
        return loss_fn(logits, some) * (part / whole)

    return loss


def _weight_of_an_image(loss_fn: Loss, targets: Tensor) -> Tensor | None:
    """The mean over the images, a scalar; None where each weighs the same."""
    tell = getattr(loss_fn, "batch_weight", None)
    weight = None if tell is None else tell(targets)
    return None if weight is None else weight.detach() / len(targets)


def is_of_whole_batch(loss_fn: Loss, num_classes: int, device: torch.device, *, multilabel: bool = False) -> bool:
    """Whether a loss is no mean over the images, weighted or not, and so has no parts; by trying it.

    Of a loss that draws by chance nothing can be told, and the answer is no.
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
    """Logits, and targets whose classes are not dealt evenly."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(_IMAGES, num_classes, generator=generator)
    if multilabel:
        return logits, (torch.rand(_IMAGES, num_classes, generator=generator) > 0.5).float()
    return logits, (torch.arange(_IMAGES) * num_classes) // _IMAGES
