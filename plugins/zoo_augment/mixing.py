"""Augmentations that mix the images of a batch, and their targets with them.

Targets come back soft, (N, num_classes) float32: shares of the classes that sum to one, whether they were given as
labels (N,) or soft already, so that one mix can follow another. Each sample has a partner and a share of its own.
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
    """Show two images through one another, and say so in the target (Zhang et al. 2017, arXiv:1710.09412).

    Args:
        alpha: over 0; the image's own share is drawn from Beta(alpha, alpha): 0.2 leaves most pairs nearly as they
            were, 1 draws every share alike.
        p: probability that a sample is mixed at all, in 0..1.
        num_classes: given by the job. Without it the largest label of a batch says how many there are.

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
    """Paste a rectangle of another image in its place (Yun et al. 2019, arXiv:1905.04899).

    The target's shares are the areas: those of whole pixels, after the rectangle was cut at the image's edge.

    Args:
        alpha: over 0; the image's own share of the area is drawn from Beta(alpha, alpha): 1, the paper's choice,
            draws every share alike.
        p: probability that a sample is mixed at all, in 0..1.
        num_classes: given by the job. Without it the largest label of a batch says how many there are.

    Raises:
        ValueError: ``alpha`` is not over 0, or ``p`` outside 0..1.
    """
    _check(alpha, p)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        partner = _partners(images)
        side = (1 - _shares(images, alpha)).sqrt()  # of the image's height and width alike
        columns = _cut(images, side, images.shape[3]).view(len(images), 1, 1, -1)
        rows = _cut(images, side, images.shape[2]).view(len(images), 1, -1, 1)
        pasted = columns & rows & chance(images, p)  # (N, 1, H, W)
        own = 1 - pasted.float().mean((1, 2, 3))
        mixed = torch.where(pasted, images[partner], images)
        return keep_format(mixed, images), _mix_targets(targets, partner, own, num_classes)

    return apply


def soft_targets(targets: Tensor, num_classes: int | None = None) -> Tensor:
    """Labels (N,) int64 as shares (N, num_classes) float32; what is soft already stays.

    Args:
        num_classes: by default as many as the largest label says, which waits for the device.
    """
    if targets.ndim == 2:
        return targets
    count = int(targets.max()) + 1 if num_classes is None else num_classes
    return torch.zeros(len(targets), count, device=targets.device).scatter_(1, targets[:, None], 1.0)


def _mix_targets(targets: Tensor, partner: Tensor, own: Tensor, num_classes: int | None) -> Tensor:
    soft = soft_targets(targets, num_classes)
    return torch.lerp(soft[partner], soft, own.to(soft.dtype)[:, None])


def _partners(images: Tensor) -> Tensor:
    """Each sample's partner, (N,): a random order of the batch."""
    return uniform(images, 0, 1).argsort()


def _shares(images: Tensor, alpha: float) -> Tensor:
    """Beta(alpha, alpha), a draw a sample: (N,) float32 in 0..1; on the processor, as not every device can draw it."""
    both = torch.full((len(images),), alpha)
    return Beta(both, both).sample().to(images.device, non_blocking=True)


def _cut(images: Tensor, side: Tensor, length: int) -> Tensor:
    """Which of ``length`` pixels lie in a run of that share about any of them: (N,) -> (N, length) bool."""
    half = side * length / 2
    centre = uniform(images, 0, length)
    pixel = torch.arange(length, device=images.device)
    return (pixel >= (centre - half).round()[:, None]) & (pixel < (centre + half).round()[:, None])


def _check(alpha: float, p: float) -> None:
    need_range("alpha", (alpha, alpha), 0, math.inf)
    need_within("p", p, 0, 1)
