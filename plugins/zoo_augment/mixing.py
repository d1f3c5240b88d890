"""Augmentations that mix the images of a batch and their targets: mixup and CutMix.

Targets are returned as probabilities, (N, num_classes) float32, for labels (N,) and for soft targets, so that mixing
augmentations can be combined; values (N, K) of a regression are mixed as they are. Each sample has its own partner and
mixing ratio.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Beta

from zoo_augment.draws import Augment, Batch, Size, chance, need_range, need_within, uniform
from zoo_augment.warp import keep_format

__all__ = ["cutmix", "mixup", "soft_targets"]


def mixup(size: Size, alpha: float = 0.2, p: float = 1.0, num_classes: int | None = None) -> Augment:
    """Mixup: blend pairs of images and their targets (Zhang et al. 2017, arXiv:1710.09412).

    Args:
        alpha: parameter above 0; the mixing ratio is drawn from Beta(alpha, alpha): 0.2 leaves most images nearly
            unchanged, 1 is uniform.
        p: probability that a sample is mixed, in 0..1.
        num_classes: set by the job; by default one more than the largest label of the batch.

    Raises:
        ValueError: ``alpha`` is not over 0, or ``p`` outside 0..1.
    """
    _check(alpha, p)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        partner = _partners(images)
        own = torch.where(chance(images, p).flatten(), _shares(images, alpha), 1.0)
        mixed = torch.lerp(images[partner], images, own.to(images.dtype).view(-1, 1, 1, 1))
        return keep_format(mixed.clamp_(0, 1), images), _mix_targets(targets, partner, own, num_classes)

    return apply


def cutmix(size: Size, alpha: float = 1.0, p: float = 1.0, num_classes: int | None = None) -> Augment:
    """CutMix: paste a rectangle of another image, and mix the targets by area (Yun et al. 2019, arXiv:1905.04899).

    The targets' ratio is that of the areas in whole pixels, after clipping the rectangle to the image.

    Args:
        alpha: parameter above 0; the kept fraction of the area is drawn from Beta(alpha, alpha): 1, the paper's
            choice, is uniform.
        p: probability that a sample is mixed, in 0..1.
        num_classes: set by the job; by default one more than the largest label of the batch.

    Raises:
        ValueError: ``alpha`` is not over 0, or ``p`` outside 0..1.
    """
    _check(alpha, p)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        partner = _partners(images)
        side = (1 - _shares(images, alpha)).sqrt()  # fraction of both height and width
        columns = _cut(images, side, images.shape[3]).view(len(images), 1, 1, -1)
        rows = _cut(images, side, images.shape[2]).view(len(images), 1, -1, 1)
        pasted = columns & rows & chance(images, p)  # (N, 1, H, W)
        own = 1 - pasted.float().mean((1, 2, 3))
        mixed = torch.where(pasted, images[partner], images)
        return keep_format(mixed, images), _mix_targets(targets, partner, own, num_classes)

    return apply


def soft_targets(targets: Tensor, num_classes: int | None = None) -> Tensor:
    """Convert labels (N,) int64 to probabilities (N, num_classes) float32; soft targets and values are unchanged.

    Args:
        num_classes: by default one more than the largest label, which synchronises the device.
    """
    if targets.ndim == 2:
        return targets
    count = int(targets.max()) + 1 if num_classes is None else num_classes
    return torch.zeros(len(targets), count, device=targets.device).scatter_(1, targets[:, None], 1.0)


def _mix_targets(targets: Tensor, partner: Tensor, own: Tensor, num_classes: int | None) -> Tensor:
    soft = soft_targets(targets, num_classes)
    return torch.lerp(soft[partner], soft, own.to(soft.dtype)[:, None])


def _partners(images: Tensor) -> Tensor:
    """Partner of each sample, (N,): a random permutation of the batch."""
    return uniform(images, 0, 1).argsort()


def _shares(images: Tensor, alpha: float) -> Tensor:
    """Draw from Beta(alpha, alpha) per sample, (N,) float32 in 0..1; on the CPU, since not every device supports it."""
    both = torch.full((len(images),), alpha)
    return Beta(both, both).sample().to(images.device, non_blocking=True)


def _cut(images: Tensor, side: Tensor, length: int) -> Tensor:
    """Mask of a run around a random centre that covers a fraction of ``length`` pixels: (N,) -> (N, length) bool."""
    half = side * length / 2
    centre = uniform(images, 0, length)
    pixel = torch.arange(length, device=images.device)
    return (pixel >= (centre - half).round()[:, None]) & (pixel < (centre + half).round()[:, None])


def _check(alpha: float, p: float) -> None:
    need_range("alpha", (alpha, alpha), 0, math.inf)
    need_within("p", p, 0, 1)
