"""Geometric augmentations: one random matrix per sample, and one resampling per batch (``flip`` is exact).

Each factory takes the size of the training images and returns ``(images, targets) -> (images, targets)``: images
(N, C, H, W) float in 0..1, with unchanged dtype and memory format; targets are unchanged. Images may be larger than
``size``: resampling reduces them to ``size``, ``flip`` keeps their size. Random numbers come from torch's global
generator of the images' device, without synchronisation.
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
"""Maximum number of draws until a random resized crop fits, as in torchvision."""


def flip(size: Size, p: float = 0.5, vertical: bool = False) -> Augment:
    """Horizontal flip, and optionally an independent vertical flip, without resampling.

    Args:
        p: probability of a flip, in 0..1.
        vertical: flip vertically too, for images without orientation, such as satellite or microscope images.

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
    """Rotation about the centre by a random angle in -degrees..degrees.

    Args:
        degrees: maximum rotation angle, in 0..180.

    Raises:
        ValueError: ``degrees`` is outside 0..180.
    """
    need_within("degrees", degrees, 0, 180)
    return _warped(size, lambda images: affine_matrices(images, angle=uniform(images, -degrees, degrees)))


def shift(size: Size, fraction: float = 0.1) -> Augment:
    """Translation along each axis by a random fraction of width and height in -fraction..fraction.

    Args:
        fraction: maximum translation as a fraction of the size, in 0..1.

    Raises:
        ValueError: ``fraction`` is outside 0..1.
    """
    need_within("fraction", fraction, 0, 1)

    def draw(images: Tensor) -> Tensor:
        across, down = (uniform(images, -2 * fraction, 2 * fraction) for _ in range(2))
        return affine_matrices(images, shift=(across, down))

    return _warped(size, draw)


def crop(size: Size, scale: tuple[float, float] = (0.7, 1.0), ratio: tuple[float, float] = (0.9, 1.1)) -> Augment:
    """Random crop, resampled to ``size``: a mild variant of :func:`random_resized_crop`.

    Args:
        scale: range of the crop's area as a fraction of the image's, above 0 and at most 1.
        ratio: range of the aspect ratio relative to the image's, log-uniform; crops are limited to the image.

    Raises:
        ValueError: a range is out of bounds or reversed.
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
    """Random resized crop of Inception (Szegedy et al. 2015, arXiv:1409.4842), resampled to ``size``.

    Area and aspect ratio are drawn until a crop fits, at most ten times; then the largest centred crop with a valid
    aspect ratio is used, as in torchvision.

    Args:
        scale: range of the crop's area as a fraction of the image's, above 0 and at most 1.
        ratio: range of the aspect ratio (width / height) in pixels, log-uniform.

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
    """Flip, rotation, zoom and translation in a single resampling, faster and sharper than a sequence.

    Args:
        degrees: maximum rotation angle, in 0..180.
        zoom: range of the enlargement, above 0, log-uniform. Above 1 the visible part is placed at random; below 1 the
            border is filled by reflection.
        stretch: maximum change of the aspect ratio, at least 0; its logarithm is drawn from -2 * stretch..2 * stretch.
        shift: maximum translation as a fraction of width and height, in 0..1, in addition to the placement.
        flip: flip half of the samples horizontally.

    Raises:
        ValueError: a value is out of bounds, or ``zoom`` is reversed.
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
    """Create the augmentation that resamples images to ``size`` by the matrices of ``draw``."""
    out = height_width(size)

    def apply(images: Tensor, targets: Tensor) -> Batch:
        return warp(images, draw(images), out), targets

    return apply


def _look_at(images: Tensor, width: Tensor, height: Tensor, anywhere: Tensor | bool = True) -> Tensor:
    """Matrices that crop a part, given by fractions (N,) of width and height; centred where ``anywhere`` is False."""
    across, down = (uniform(images, -1, 1) * (1 - part) * anywhere for part in (width, height))
    return affine_matrices(images, zoom=(1 / width, 1 / height), shift=(across, down))


def _inceptions_parts(
    images: Tensor, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """Width and height of each sample's first valid crop, as fractions (N,), and a mask of samples that have one."""
    whole = images.shape[3] / images.shape[2]
    tries = images[:, 0, 0, 0].repeat(TRIES)  # only their number and device are used
    area, stretch = uniform(tries, *scale), log_uniform(tries, *ratio) / whole  # relative to the image's own
    parts = torch.stack([(area * stretch).sqrt(), (area / stretch).sqrt()]).view(2, TRIES, -1)
    fits = (parts <= 1).all(0)  # (TRIES, N)
    found = fits.any(0)
    width, height = parts.gather(1, fits.int().argmax(0).expand(2, 1, -1)).squeeze(1)
    widest, highest = min(1.0, ratio[1] / whole), min(1.0, whole / ratio[0])
    return torch.where(found, width, widest), torch.where(found, height, highest), found
