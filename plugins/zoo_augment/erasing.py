"""Augmentations that hide a part of the image."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from zoo_augment.draws import Augment, Batch, Size, chance, log_uniform, need_range, need_within, uniform
from zoo_augment.warp import keep_format

__all__ = ["erase", "random_erasing"]

Fill = Literal["random", "mean", "black"]


def erase(size: Size, p: float = 0.25, area: tuple[float, float] = (0.02, 0.2)) -> Augment:
    """Fill a random rectangle with the image's mean colour: a mild variant of :func:`random_erasing`.

    Args:
        p: probability that a sample is changed, in 0..1.
        area: range of the rectangle's area as a fraction of the image's, above 0 and at most 1. The aspect ratio is at
            most 3.3, less where the rectangle would exceed the image.

    Raises:
        ValueError: ``p`` is outside 0..1, or ``area`` is out of bounds or upside down.
    """
    return random_erasing(size, p, area, (1 / 3.3, 3.3), "mean")


def random_erasing(
    size: Size,
    p: float = 0.5,
    area: tuple[float, float] = (0.02, 0.4),
    ratio: tuple[float, float] = (0.3, 3.3),
    fill: Fill = "random",
) -> Augment:
    """Random erasing: fill a rectangle, by default with noise (Zhong et al.

    2017, arXiv:1708.04896, the paper's values).

    Args:
        p: probability that a sample is changed, in 0..1.
        area: range of the rectangle's area as a fraction of the image's, above 0 and at most 1.
        ratio: range of the aspect ratio (width / height) relative to the image's, log-uniform; limited where the
            rectangle would exceed the image.
        fill: a random value for every pixel and channel, the image's mean colour, or black.

    Raises:
        ValueError: ``p`` is outside 0..1, or a range is out of bounds or upside down.
    """
    need_within("p", p, 0, 1)
    need_range("area", area, 0, 1)
    need_range("ratio", ratio, 0, math.inf)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        share = uniform(images, *area)
        stretch = log_uniform(images, *ratio).clamp(share, 1 / share)  # no wider, no higher than the image
        columns = _spans(images, (share * stretch).sqrt(), images.shape[3]).view(len(images), 1, 1, -1)
        rows = _spans(images, (share / stretch).sqrt(), images.shape[2]).view(len(images), 1, -1, 1)
        hidden = columns & rows & chance(images, p)  # (N, 1, H, W)
        return keep_format(torch.where(hidden, _paint(images, fill), images), images), targets

    return apply


def _paint(images: Tensor, fill: Fill) -> Tensor:
    """Fill of the rectangle: a tensor that broadcasts to the images' shape."""
    if fill == "mean":
        return images.mean((2, 3), keepdim=True)
    if fill == "black":
        return images.new_zeros(())
    return torch.rand(images.shape, dtype=images.dtype, device=images.device)  # the same for each memory format


def _spans(images: Tensor, share: Tensor, length: int) -> Tensor:
    """Mask of a random run of pixels with the given fraction of ``length``: (N,) -> (N, length) bool."""
    run = (share * length).round().clamp(1, length)
    start = (torch.rand_like(share) * (length - run + 1)).floor()
    pixel = torch.arange(length, device=images.device)
    return (pixel >= start[:, None]) & (pixel < (start + run)[:, None])
