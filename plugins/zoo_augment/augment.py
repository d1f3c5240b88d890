"""Augmentations of a batch, on its device, with a draw of its own for every sample.

Each factory takes the job's image size and gives ``(images, targets) -> (images, targets)``: images (N, C, H, W)
float in 0..1, whose shape, dtype and memory format stay; targets untouched. Draws come from torch's global
generator of the images' device; nothing waits for the device. ``size`` is part of the contract; only ``crop`` needs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from zoo_augment.warp import affine_matrices, keep_format, warp

__all__ = ["affine", "colour", "crop", "erase", "flip", "rotate", "shift"]

Size = int | tuple[int, int]
Batch = tuple[Tensor, Tensor]
Augment = Callable[[Tensor, Tensor], Batch]


def flip(size: Size, p: float = 0.5, vertical: bool = False) -> Augment:
    """Mirror left to right, and if asked upside down by a draw of its own. Exact: no resampling.

    Args:
        p: probability, in 0..1.
        vertical: upside down as well, for pictures without an up, such as satellite or microscope images.

    Raises:
        ValueError: ``p`` is outside 0..1.
    """
    _within("p", p, 0, 1)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        images = torch.where(_chance(images, p), images.flip(-1), images)
        if vertical:
            images = torch.where(_chance(images, p), images.flip(-2), images)
        return images, targets

    return apply


def rotate(size: Size, degrees: float = 15.0) -> Augment:
    """Turn about the middle by an angle drawn from -degrees..degrees.

    Args:
        degrees: in 0..180.

    Raises:
        ValueError: ``degrees`` is outside 0..180.
    """
    _within("degrees", degrees, 0, 180)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        return warp(images, affine_matrices(images, angle=_uniform(images, -degrees, degrees))), targets

    return apply


def crop(size: Size, scale: tuple[float, float] = (0.7, 1.0), ratio: tuple[float, float] = (0.9, 1.1)) -> Augment:
    """Cut out a part and resample it to ``size`` (the random resized crop of Szegedy et al. 2015, arXiv:1409.4842).

    Args:
        scale: share of the area, from and to, over 0 and up to 1.
        ratio: how much wider than the image's own proportions the part is, from and to; drawn on a log scale. Where
            a part would be wider or higher than the image it is cut to it.

    Raises:
        ValueError: a range is out of bounds or upside down.
    """
    _range("scale", scale, 0, 1)
    _range("ratio", ratio, 0, math.inf)
    out = (size, size) if isinstance(size, int) else (size[0], size[1])

    def apply(images: Tensor, targets: Tensor) -> Batch:
        area, stretch = _uniform(images, *scale), _log_uniform(images, *ratio)
        part = (area * stretch).sqrt().clamp(max=1), (area / stretch).sqrt().clamp(max=1)  # of width, of height
        where = [_uniform(images, -1, 1) * (1 - p) for p in part]
        matrices = affine_matrices(images, zoom=(1 / part[0], 1 / part[1]), shift=(where[0], where[1]))
        return warp(images, matrices, out), targets

    return apply


def shift(size: Size, fraction: float = 0.1) -> Augment:
    """Move sideways and up or down, each by a draw from -fraction..fraction of width and height.

    Args:
        fraction: in 0..1.

    Raises:
        ValueError: ``fraction`` is outside 0..1.
    """
    _within("fraction", fraction, 0, 1)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        return warp(images, affine_matrices(images, shift=_shifts(images, fraction))), targets

    return apply


def affine(
    size: Size,
    degrees: float = 15.0,
    zoom: tuple[float, float] = (0.8, 1.2),
    stretch: float = 0.0,
    shift: float = 0.1,
    flip: bool = True,
) -> Augment:
    """Flip, rotation, zoom and shift at once: one resampling, so faster and sharper than one after the other.

    Args:
        degrees: the angle is drawn from -degrees..degrees; in 0..180.
        zoom: enlargement, from and to, over 0; drawn on a log scale. Above 1 any part of the picture may be the one
            that is seen; below 1 the mirror image fills the border.
        stretch: how much wider or higher, at least 0; the log of width over height is drawn from
            -2 * stretch..2 * stretch.
        shift: share of width and height, in 0..1; drawn from -shift..shift each, on top of where the part lies.
        flip: mirror half of the samples left to right.

    Raises:
        ValueError: a value is out of bounds, or ``zoom`` upside down.
    """
    _within("degrees", degrees, 0, 180)
    _range("zoom", zoom, 0, math.inf)
    _within("stretch", stretch, 0, math.inf)
    _within("shift", shift, 0, 1)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        factor, ratio = _log_uniform(images, *zoom), _uniform(images, -stretch, stretch).exp()
        zooms = (factor * ratio, factor / ratio)
        room = [(1 - 1 / z).clamp(min=0) + 2 * shift for z in zooms]
        matrices = affine_matrices(
            images,
            angle=_uniform(images, -degrees, degrees),
            zoom=zooms,
            shift=(_uniform(images, -1, 1) * room[0], _uniform(images, -1, 1) * room[1]),
            mirror=torch.randint(0, 2, factor.shape, device=factor.device) * 2.0 - 1 if flip else None,
        )
        return warp(images, matrices), targets

    return apply


def colour(
    size: Size,
    brightness: float = 0.2,
    contrast: float = 0.2,
    saturation: float = 0.2,
    p: float = 1.0,
) -> Augment:
    """Change brightness, contrast and, of colour images, saturation, each by a factor drawn from 1 - x..1 + x.

    Brightness scales towards black, contrast around the image's mean grey, saturation around each pixel's grey, as
    torchvision's ColorJitter does, in this order; what leaves 0..1 is cut at the end.

    Args:
        brightness: in 0..1.
        contrast: in 0..1.
        saturation: in 0..1; only of images with three channels.
        p: probability that a sample is changed at all, in 0..1.

    Raises:
        ValueError: a value is outside 0..1.
    """
    for name, value in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation), ("p", p)):
        _within(name, value, 0, 1)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        chosen = _chance(images, p)

        def factor(x: float) -> Tensor:
            drawn = _uniform(images, 1 - x, 1 + x).view(-1, 1, 1, 1)
            return torch.where(chosen, drawn, 1.0).to(images.dtype)

        return recolour(images, factor(brightness), factor(contrast), factor(saturation)), targets

    return apply


def recolour(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Images (N, C, H, W) in 0..1, changed by factors (N, 1, 1, 1); see :func:`colour`.

    The three steps are one sum, as all are linear: with m the mean grey and g the pixel's,
    ``c b (s x + (1 - s) g) + (1 - c) b m``.
    """
    grey, gain = _grey(images), brightness * contrast
    rest = (1 - contrast) * brightness * grey.mean((1, 2, 3), keepdim=True)
    if images.shape[1] == 3:
        rest = torch.addcmul(rest, grey, gain * (1 - saturation))
        gain = gain * saturation
    return keep_format(torch.addcmul(rest, images, gain).clamp_(0, 1), images)


def erase(size: Size, p: float = 0.25, area: tuple[float, float] = (0.02, 0.2)) -> Augment:
    """Paint a rectangle over with the image's mean colour (random erasing, Zhong et al. 2017, arXiv:1708.04896).

    Args:
        p: probability, in 0..1.
        area: share of the image, from and to, over 0 and up to 1. The rectangle is up to 3.3 times as high as wide or
            as wide as high, as in the paper, and no larger than the image.

    Raises:
        ValueError: ``p`` is outside 0..1, or ``area`` is out of bounds or upside down.
    """
    _within("p", p, 0, 1)
    _range("area", area, 0, 1)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        share, stretch = _uniform(images, *area), _log_uniform(images, 1 / 3.3, 3.3)
        columns = _spans(images, (share * stretch).sqrt(), images.shape[3]).view(len(images), 1, 1, -1)
        rows = _spans(images, (share / stretch).sqrt(), images.shape[2]).view(len(images), 1, -1, 1)
        hidden = columns & rows & _chance(images, p)  # (N, 1, H, W)
        return torch.where(hidden, images.mean((2, 3), keepdim=True), images), targets

    return apply


def _spans(images: Tensor, share: Tensor, length: int) -> Tensor:
    """Which of ``length`` pixels lie in a run of that share, placed at random: (N,) -> (N, length) bool."""
    run = (share * length).round().clamp(1, length)
    start = (torch.rand_like(share) * (length - run + 1)).floor()
    pixel = torch.arange(length, device=images.device)
    return (pixel >= start[:, None]) & (pixel < (start + run)[:, None])


def _grey(images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, H, W): ITU-R 601 luma of three channels, the mean of any other number."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    return (0.299 * images[:, 0:1]).add_(images[:, 1:2], alpha=0.587).add_(images[:, 2:3], alpha=0.114)


def _shifts(images: Tensor, fraction: float) -> tuple[Tensor, Tensor]:
    return _uniform(images, -2 * fraction, 2 * fraction), _uniform(images, -2 * fraction, 2 * fraction)


def _uniform(images: Tensor, low: float, high: float) -> Tensor:
    """A draw a sample, (N,) float32."""
    return torch.empty(len(images), device=images.device).uniform_(low, high)


def _log_uniform(images: Tensor, low: float, high: float) -> Tensor:
    return _uniform(images, math.log(low), math.log(high)).exp()


def _chance(images: Tensor, p: float) -> Tensor:
    """True with probability ``p``, a draw a sample: (N, 1, 1, 1) bool."""
    return torch.rand(len(images), 1, 1, 1, device=images.device) < p


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it must be in {low}..{high}")


def _range(name: str, pair: tuple[float, float], low: float, high: float) -> None:
    """Both ends over ``low`` and up to ``high``, finite, in order."""
    if len(pair) != 2 or not (low < pair[0] <= pair[1] <= high) or math.isinf(pair[1]):
        limit = f"over {low}" if math.isinf(high) else f"over {low} and up to {high}"
        raise ValueError(f"{name} is {pair}; it must be two numbers, from and to, {limit}, the smaller first")
