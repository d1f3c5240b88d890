"""Weather of ImageNet-C; the functions are as in :mod:`zoo_robustness.noise`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from zoo_robustness.blur import moved, zoomed

__all__ = ["brightness", "fog", "frost", "plasma", "snow"]

Image = NDArray[Any]
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_ICE = np.array([0.86, 0.93, 1.0], np.float32)


def snow(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Whiten the image, and add flakes that fall in two directions.

    The size of the flakes in pixels is the published one for images of any size, since it determines their number.
    """
    mean, deviation, zoom, least, radius, sigma, kept = (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    )[strength - 1]
    flakes = rng.normal(mean, deviation, image.shape[:2]).astype(np.float32)[..., None]
    flakes = zoomed(flakes, zoom)
    flakes = np.where(flakes < least, 0, flakes.clip(0, 1))
    flakes = moved(flakes, radius * scale, sigma * scale, rng.uniform(-135, -45))
    white = np.maximum(image, (image @ _GREY)[..., None] * 1.5 + 0.5)
    return np.asarray(np.float32(kept) * image + np.float32(1 - kept) * white + flakes + np.rot90(flakes, 2))


def frost(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Lay crystals of ice over the image.

    ImageNet-C takes crystals from six photographs; here they are drawn: ridges of plasma and fine needles, so figures
    of this kind are not comparable with published ones.
    """
    kept, ice = ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))[strength - 1]
    side = max(image.shape[:2])
    ridges = 1 - np.abs(2 * plasma(side, 1.8, rng)[:side, :side] - 1)
    needles = gaussian_filter(rng.standard_normal((side, side)).astype(np.float32), 0.8 * scale)
    needles = moved(needles[..., None], 8 * scale, 4 * scale, rng.uniform(0, 180))[..., 0]
    crystals = (ridges**3 + 0.25 * needles / (needles.std() + 1e-6)).clip(0, 1).astype(np.float32)
    height, width, _ = image.shape
    return np.asarray(np.float32(kept) * image + np.float32(ice) * crystals[:height, :width, None] * _ICE)


def fog(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Add clouds of plasma, and reduce the contrast accordingly."""
    amount, decay = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))[strength - 1]
    height, width, _ = image.shape
    clouds = plasma(max(height, width), decay, rng)[:height, :width, None]
    most = float(image.max())
    return np.asarray((image + np.float32(amount) * clouds) * np.float32(most / (most + amount)))


def brightness(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Raise the value of each pixel in HSV, with the same hue and saturation."""
    amount = (0.1, 0.2, 0.3, 0.4, 0.5)[strength - 1]
    value = image.max(axis=2, keepdims=True)
    raised = (value + np.float32(amount)).clip(0, 1)
    return np.asarray(np.where(value > 0, image * (raised / np.maximum(value, 1e-6)), raised))


def plasma(side: int, decay: float, rng: np.random.Generator) -> Image:
    """Draw clouds by midpoint displacement on a torus (the diamond-square algorithm), in 0..1.

    Source: A. Fournier, D. Fussell, L. Carpenter, Computer rendering of stochastic models, CACM 25 (1982).

    Args:
        side: least number of pixels of a side; the drawing's is the next power of two.
        decay: divisor of the displacement at each halving of the distance; smaller values give finer clouds.
    """
    heights, spread = np.zeros((1, 1)), 1.0
    while len(heights) < side:
        n = len(heights)
        finer = np.empty((2 * n, 2 * n))
        finer[::2, ::2] = heights
        below = heights + np.roll(heights, -1, axis=0)
        finer[1::2, 1::2] = (below + np.roll(below, -1, axis=1)) / 4 + spread * rng.uniform(-1, 1, (n, n))
        centres = finer[1::2, 1::2]
        beside = heights + np.roll(heights, -1, axis=1) + centres + np.roll(centres, 1, axis=0)
        finer[::2, 1::2] = beside / 4 + spread * rng.uniform(-1, 1, (n, n))
        above = heights + np.roll(heights, -1, axis=0) + centres + np.roll(centres, 1, axis=1)
        finer[1::2, ::2] = above / 4 + spread * rng.uniform(-1, 1, (n, n))
        heights, spread = finer, spread / decay
    heights -= heights.min()
    return (heights / (heights.max() or 1.0)).astype(np.float32)
