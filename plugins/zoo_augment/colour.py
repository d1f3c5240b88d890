"""Colour augmentations, and the functions that they share: images (N, C, H, W) in 0..1."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_augment.draws import Augment, Batch, Size, chance, need_within, uniform
from zoo_augment.warp import keep_format

__all__ = ["colour", "recolour", "turn_hue"]


def colour(
    size: Size,
    brightness: float = 0.2,
    contrast: float = 0.2,
    saturation: float = 0.2,
    p: float = 1.0,
    hue: float = 0.0,
) -> Augment:
    """Colour jitter: random brightness, contrast and saturation factors in 1 - x..1 + x, and a random hue shift.

    Brightness scales towards black, contrast around the image's mean grey, saturation around each pixel's grey, in
    this order, as in torchvision's ColorJitter; values are clipped to 0..1. The hue shift comes last.

    Args:
        brightness: maximum change of the factor, in 0..1.
        contrast: maximum change of the factor, in 0..1.
        saturation: maximum change of the factor, in 0..1; only for images with three channels.
        p: probability that a sample is changed, in 0..1.
        hue: maximum shift in 0..0.5, as a fraction of the colour circle; only for images with three channels.

    Raises:
        ValueError: ``hue`` is outside 0..0.5, or another value outside 0..1.
    """
    for name, value in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation), ("p", p)):
        need_within(name, value, 0, 1)
    need_within("hue", hue, 0, 0.5)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        chosen = chance(images, p)

        def draw(middle: float, x: float) -> Tensor:
            drawn = uniform(images, middle - x, middle + x).view(-1, 1, 1, 1)
            return torch.where(chosen, drawn, middle).to(images.dtype)

        images = recolour(images, draw(1, brightness), draw(1, contrast), draw(1, saturation))
        return (turn_hue(images, draw(0, hue)) if hue > 0 else images), targets

    return apply


def recolour(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Change brightness, contrast and saturation of images (N, C, H, W) in 0..1 by factors (N, 1, 1, 1).

    See :func:`colour`. The three linear steps are combined: with m the mean grey and g the pixel's,
    ``c b (s x + (1 - s) g) + (1 - c) b m``.
    """
    grey, gain = _grey(images), brightness * contrast
    rest = (1 - contrast) * brightness * grey.mean((1, 2, 3), keepdim=True)
    if images.shape[1] == 3:
        rest = torch.addcmul(rest, grey, gain * (1 - saturation))
        gain = gain * saturation
    return keep_format(torch.addcmul(rest, images, gain).clamp_(0, 1), images)


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Shift the hue of images (N, 3, H, W) in 0..1 by fractions (N, 1, 1, 1) of the colour circle, in -1..1.

    Value and saturation (of HSV) are unchanged. Images without three channels are returned unchanged.
    """
    if images.shape[1] != 3:
        return images
    red, green, blue = images.unbind(1)  # (N, H, W) each
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    sixths = _hue(red, green, blue, value, chroma).add_(6 * turns[:, 0])
    turned = torch.empty_like(images)
    for channel in range(3):
        # A channel is maximal within one sixth of its hue, and minimal beyond two (Smith 1978).
        distance = sixths - 2 * channel
        distance.sub_(distance.div(6).round_(), alpha=6).abs_().sub_(1).clamp_(0, 1)  # as of 0..3, the circle's half
        turned[:, channel] = torch.addcmul(value, chroma, distance, value=-1)
    return turned.clamp_(0, 1)


def _hue(red: Tensor, green: Tensor, blue: Tensor, value: Tensor, chroma: Tensor) -> Tensor:
    """Hue in sixths of the colour circle from red, (N, H, W)."""
    part = torch.where(chroma > 0, chroma, 1).reciprocal_()
    sixths = (red - green).mul_(part).add_(4)
    sixths = torch.where(value == green, (blue - red).mul_(part).add_(2), sixths)
    return torch.where(value == red, (green - blue).mul_(part), sixths)


def _grey(images: Tensor) -> Tensor:
    """Greyscale of images, (N, C, H, W) -> (N, 1, H, W): ITU-R 601 luma for three channels, else the mean."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    return (0.299 * images[:, 0:1]).add_(images[:, 1:2], alpha=0.587).add_(images[:, 2:3], alpha=0.114)
