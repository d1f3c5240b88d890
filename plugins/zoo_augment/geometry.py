"""Augmentations that move pixels: each draws one matrix a sample, and resamples the batch once (but ``flip``: exact).

Each factory takes the size of training's pictures and gives ``(images, targets) -> (images, targets)``: images
(N, C, H, W) float in 0..1, whose dtype and memory format stay; targets untouched. Images may be larger than ``size``:
what resamples makes them ``size``, and ``flip`` leaves them as they are. Draws come from torch's global generator of
the images' device; nothing waits for the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from zoo_augment.draws import (
    Augment,
    Batch,
    Size,
    chance,
    height_width,
    log_uniform,
    need_range,
    need_within,
    uniform,
)
from zoo_augment.warp import affine_matrices, warp

__all__ = ["affine", "crop", "flip", "random_resized_crop", "rotate", "shift"]

TRIES = 10
"""How often a random resized crop draws until a part fits, as torchvision's does."""


def flip(size: Size, p: float = 0.5, vertical: bool = False) -> Augment:
    """Mirror left to right, and if asked upside down by a draw of its own. Exact: no resampling.

    Args:
        p: probability, in 0..1.
        vertical: upside down as well, for pictures without an up, such as satellite or microscope images.

    Raises:
        ValueError: ``p`` is outside 0..1.
    """
    need_within("p", p, 0, 1)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        images = torch.where(chance(images, p), images.flip(-1), images)
        if vertical:
            images = torch.where(chance(images, p), images.flip(-2), images)
        return images, targets

    return apply


def rotate(size: Size, degrees: float = 15.0) -> Augment:
    """Turn about the middle by an angle drawn from -degrees..degrees.

    Args:
        degrees: in 0..180.

    Raises:
        ValueError: ``degrees`` is outside 0..180.
    """
    need_within("degrees", degrees, 0, 180)
    return _warped(size, lambda images: affine_matrices(images, angle=uniform(images, -degrees, degrees)))


def shift(size: Size, fraction: float = 0.1) -> Augment:
    """Move sideways and up or down, each by a draw from -fraction..fraction of width and height.

    Args:
        fraction: in 0..1.

    Raises:
        ValueError: ``fraction`` is outside 0..1.
    """
    need_within("fraction", fraction, 0, 1)

    def draw(images: Tensor) -> Tensor:
        across, down = (uniform(images, -2 * fraction, 2 * fraction) for _ in range(2))
        return affine_matrices(images, shift=(across, down))

    return _warped(size, draw)


def crop(size: Size, scale: tuple[float, float] = (0.7, 1.0), ratio: tuple[float, float] = (0.9, 1.1)) -> Augment:
    """Cut out a part and resample it to ``size``: a gentle relative of :func:`random_resized_crop`.

    Args:
        scale: share of the area, from and to, over 0 and up to 1.
        ratio: how much wider than the image's own proportions the part is, from and to; drawn on a log scale. Where
            a part would be wider or higher than the image it is cut to it.

    Raises:
        ValueError: a range is out of bounds or upside down.
    """
    need_range("scale", scale, 0, 1)
    need_range("ratio", ratio, 0, math.inf)

    def draw(images: Tensor) -> Tensor:
        area, stretch = uniform(images, *scale), log_uniform(images, *ratio)
        return _look_at(images, (area * stretch).sqrt().clamp(max=1), (area / stretch).sqrt().clamp(max=1))

    return _warped(size, draw)


def random_resized_crop(
    size: Size, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3)
) -> Augment:
    """Cut out a part and resample it to ``size``: Inception's crop (Szegedy et al. 2015, arXiv:1409.4842).

    Area and proportions are drawn until such a part fits, ten times at the most; then it is the largest part in the
    middle whose proportions are allowed, as in torchvision.

    Args:
        scale: share of the area, from and to, over 0 and up to 1.
        ratio: width over height of the part in pixels, from and to; drawn on a log scale.

    Raises:
        ValueError: a range is out of bounds or upside down.
    """
    need_range("scale", scale, 0, 1)
    need_range("ratio", ratio, 0, math.inf)

    def draw(images: Tensor) -> Tensor:
        return _look_at(images, *_inceptions_parts(images, scale, ratio))

    return _warped(size, draw)


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
    need_within("degrees", degrees, 0, 180)
    need_range("zoom", zoom, 0, math.inf)
    need_within("stretch", stretch, 0, math.inf)
    need_within("shift", shift, 0, 1)

    def draw(images: Tensor) -> Tensor:
        factor, ratio = log_uniform(images, *zoom), uniform(images, -stretch, stretch).exp()
        zooms = (factor * ratio, factor / ratio)
        room = [(1 - 1 / z).clamp(min=0) + 2 * shift for z in zooms]
        return affine_matrices(
            images,
            angle=uniform(images, -degrees, degrees),
            zoom=zooms,
            shift=(uniform(images, -1, 1) * room[0], uniform(images, -1, 1) * room[1]),
            mirror=torch.randint(0, 2, factor.shape, device=factor.device) * 2.0 - 1 if flip else None,
        )

    return _warped(size, draw)


def _warped(size: Size, draw: Callable[[Tensor], Tensor]) -> Augment:
    """The augmentation that resamples images to ``size``, along the matrices which ``draw`` makes for them."""
    out = height_width(size)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        return warp(images, draw(images), out), targets

    return apply


def _look_at(images: Tensor, width: Tensor, height: Tensor, anywhere: Tensor | bool = True) -> Tensor:
    """Matrices that show a part, shares (N,) of the image's width and height; in the middle where not anywhere."""
    across, down = (uniform(images, -1, 1) * (1 - part) * anywhere for part in (width, height))
    return affine_matrices(images, zoom=(1 / width, 1 / height), shift=(across, down))


def _inceptions_parts(
    images: Tensor, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """Width and height of each sample's first part that fits, shares (N,) of the image's, and whether there is one."""
    whole = images.shape[3] / images.shape[2]
    tries = images[:, 0, 0, 0].repeat(TRIES)  # only their number and device are used
    area, stretch = uniform(tries, *scale), log_uniform(tries, *ratio) / whole  # relative to the image's own
    parts = torch.stack([(area * stretch).sqrt(), (area / stretch).sqrt()]).view(2, TRIES, -1)
    fits = (parts <= 1).all(0)  # (TRIES, N)
    found = fits.any(0)
    width, height = parts.gather(1, fits.int().argmax(0).expand(2, 1, -1)).squeeze(1)
    widest, highest = min(1.0, ratio[1] / whole), min(1.0, whole / ratio[0])
    return torch.where(found, width, widest), torch.where(found, height, highest), found
