"""Test-time augmentation: average the predictions for several views of each image.

Mirror images and crops are those of Krizhevsky et al. 2012 (AlexNet), section 4.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, logsigmoid

from zoo.engine.outputs import LOGITS, mean_outputs
from zoo.errors import RequestError
from zoo.registry.suggest import did_you_mean, listing

NONE = "none"
ENLARGED = 256 / 224
"""Enlargement of an image before crops of its original size are taken, as for AlexNet."""

View = Callable[[Tensor], Tensor]
Mean = Callable[[Sequence[Tensor]], Tensor]


def _as_it_is(images: Tensor) -> Tensor:
    return images


def _mirrored(images: Tensor) -> Tensor:
    return images.flip(-1)


def _crop(images: Tensor, down: float, right: float, mirror: bool = False) -> Tensor:
    """Crop enlarged images to their original size, at ``down`` and ``right`` as fractions (0..1) of the margin."""
    height, width = images.shape[-2:]
    room = [2 * round(side * (ENLARGED - 1) / 2) for side in (height, width)]  # even, so that there is a centre
    top, left = round(down * room[0]), round(right * room[1])
    large = (height + room[0], width + room[1])
    enlarged = interpolate(_mirrored(images) if mirror else images, large, mode="bilinear", align_corners=False)
    return enlarged[..., top : top + height, left : left + width]


def _turned(images: Tensor, quarters: int, mirror: bool) -> Tensor:
    return (_mirrored(images) if mirror else images).rot90(quarters, (-2, -1))


_FLIP: tuple[View, ...] = (_as_it_is, _mirrored)
_PLACES = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))
VIEWS: dict[str, tuple[View, ...]] = {
    NONE: (_as_it_is,),
    "flip": _FLIP,
    "crops": tuple(partial(_crop, down=down, right=right) for down, right in _PLACES),
    "flip_crops": tuple(
        partial(_crop, down=down, right=right, mirror=mirror) for mirror in (False, True) for down, right in _PLACES
    ),
    "d4": tuple(
        partial(_turned, quarters=quarters, mirror=mirror) for mirror in (False, True) for quarters in range(4)
    ),
}
"""Views of each method: functions that map images (N, C, H, W) to the same shape; ``d4`` needs square images."""


def views_named(tta: str) -> tuple[View, ...]:
    """Look up the views of a test-time augmentation.

    Args:
        tta: ``none``, ``flip`` (2 views: the picture and its mirror image), ``crops`` (5: corners and centre of a
            picture enlarged by a seventh), ``flip_crops`` (10: those and their mirror images), or ``d4`` (8: all turns
            by 90 degrees and their mirror images, for images without orientation).

    Raises:
        RequestError: ``tta`` is unknown.
    """
    if tta not in VIEWS:
        raise RequestError(
            f"Unknown test-time augmentation {tta!r}.{did_you_mean(tta, VIEWS)} Valid are: {listing(VIEWS)}. Type: "
            "--tta flip"
        )
    return VIEWS[tta]


def views(images: Tensor, tta: str) -> Iterator[Tensor]:
    """Yield each view of images (N, C, H, W), one at a time to limit memory."""
    return (view(images) for view in views_named(tta))


def mean_logits(each: Sequence[Tensor], *, multilabel: bool = False) -> Tensor:
    """Average the views' probabilities, expressed as logits.

    Averaging probabilities instead of logits gives each view an equal vote, so that an extremely confident view can't
    dominate. The views' mean log-sum-exp is added to the logarithm of the mean probabilities, so that a single view
    yields its own logits; softmax ignores the shift, losses on individual logits do not.

    Args:
        each: logits (N, K) of each view.
        multilabel: probabilities are sigmoids instead of a softmax.

    Returns:
        (N, K) float32.
    """
    logits = torch.stack([one.float() for one in each])  # (V, N, K)
    if multilabel:
        return logsigmoid(logits).logsumexp(dim=0) - logsigmoid(-logits).logsumexp(dim=0)
    scale = logits.logsumexp(dim=2, keepdim=True)
    return (logits - scale).logsumexp(dim=0) - math.log(len(each)) + scale.mean(dim=0)


class Averaged(nn.Module):
    """Module that averages over several views: images (N, C, H, W) -> logits (N, K) float32.

    Args:
        model: images -> logits.
        tta: name of the method, see :func:`views_named`; the cost is proportional to the number of views.
        mean: averages the views' logits, as :func:`mean_logits` does.

    Raises:
        RequestError: ``tta`` is unknown.
    """

    def __init__(self, model: nn.Module, tta: str, mean: Mean = mean_logits):
        super().__init__()
        self.model, self.tta, self.mean = model, tta, mean
        views_named(tta)

    def forward(self, images: Tensor) -> Any:
        each = [self.model(view) for view in views(images, self.tta)]
        if not isinstance(each[0], Mapping):
            return self.mean(each)
        return mean_outputs(each) | {LOGITS: self.mean([one[LOGITS] for one in each])}


def looking(model: nn.Module, tta: str, mean: Mean = mean_logits) -> nn.Module:
    """Wrap a network with test-time augmentation; with a single view the network is returned unchanged.

    Raises:
        RequestError: ``tta`` is unknown.
    """
    return model if len(views_named(tta)) == 1 else Averaged(model, tta, mean)


def account(tta: str) -> dict[str, Any]:
    """Describe the test-time augmentation for a result; empty for none."""
    return {} if tta == NONE else {"tta": {"name": tta, "views": len(views_named(tta))}}


def notices(tta: str) -> list[str]:
    """Notices about the test-time augmentation for the reader; empty for none."""
    count = len(views_named(tta))
    return [] if tta == NONE else [f"Each prediction is the mean over {count} views of the image (--tta {tta})."]
