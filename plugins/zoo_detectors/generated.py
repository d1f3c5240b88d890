"""Foreign pictures without a download: textures, noise and drawn shapes, the same at each call."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["KINDS", "generated"]

SIDE = 224
"""Side of a picture in pixels."""
_Rng = np.random.Generator


def generated(kind: str, count: int) -> list[Image.Image]:
    """Draw pictures of a kind, RGB of 224 pixels.

    Args:
        kind: one of :data:`KINDS`.
        count: number of pictures.
    """
    return [KINDS[kind](np.random.default_rng([index, len(kind)])) for index in range(count)]


def _texture(rng: _Rng) -> Image.Image:
    """Stripes, checks, clouds or dots in two colours."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    angle, period = rng.uniform(0, math.pi), rng.uniform(4, 40)
    along = rows * math.sin(angle) + columns * math.cos(angle)
    across = rows * math.cos(angle) - columns * math.sin(angle)
    form = rng.integers(4)
    if form == 0:
        level = 0.5 + 0.5 * np.sin(2 * math.pi * period * along)
    elif form == 1:
        level = (np.floor(along * period) + np.floor(across * period)) % 2
    elif form == 2:
        level = _clouds(rng)
    else:
        level = ((along * period % 1 - 0.5) ** 2 + (across * period % 1 - 0.5) ** 2 < 0.1).astype(float)
    return _picture(_blended(level, rng))


def _clouds(rng: _Rng) -> NDArray[np.float64]:
    """Sum of smooth noise of several scales, 0..1."""
    total = np.zeros((SIDE, SIDE))
    for cells in (3, 6, 12, 24, 48):
        coarse = Image.fromarray((255 * rng.random((cells, cells))).astype(np.uint8))
        total += np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC), float) / 255 / cells**0.7
    low, high = total.min(), total.max()
    return np.asarray((total - low) / (high - low))


def _noise(rng: _Rng) -> Image.Image:
    """Uniform, normal, grey, or salt-and-pepper noise, of single pixels or of blocks."""
    side = int(rng.choice([SIDE, SIDE // 2, SIDE // 4, SIDE // 8]))
    form = rng.integers(4)
    if form == 0:
        values = rng.random((side, side, 3))
    elif form == 1:
        values = rng.normal(rng.uniform(0.2, 0.8, 3), 0.2, (side, side, 3))
    elif form == 2:
        values = np.repeat(rng.random((side, side, 1)), 3, axis=2)
    else:
        values = np.where(rng.random((side, side, 1)) < 0.1, rng.integers(0, 2, (side, side, 3)), rng.random(3))
    return _picture(values).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def _shapes(rng: _Rng) -> Image.Image:
    """Ellipses, rectangles, polygons and lines on a plain ground."""
    picture = Image.new("RGB", (SIDE, SIDE), _colour(rng))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 9))):
        x, y = rng.integers(0, SIDE, 2).tolist()
        size, fill = int(rng.integers(SIDE // 12, SIDE // 2)), _colour(rng)
        form = rng.integers(4)
        if form == 0:
            pen.ellipse((x, y, x + size, y + int(size * rng.uniform(0.4, 1))), fill)
        elif form == 1:
            pen.rectangle((x, y, x + size, y + int(size * rng.uniform(0.2, 1))), fill)
        elif form == 2:
            pen.regular_polygon((x, y, size // 2), int(rng.integers(3, 8)), int(rng.integers(360)), fill)
        else:
            pen.line((x, y, *rng.integers(0, SIDE, 2).tolist()), fill, int(rng.integers(2, 12)))
    return picture


def _colour(rng: _Rng) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _blended(level: NDArray[np.float64], rng: _Rng) -> NDArray[np.float64]:
    """Colours (H, W, 3) between two random ones."""
    first, second = rng.random((2, 3))
    return np.asarray(level[..., None] * first + (1 - level[..., None]) * second)


def _picture(values: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray((255 * values.clip(0, 1)).round().astype(np.uint8))


KINDS: dict[str, Callable[[_Rng], Image.Image]] = {"textures": _texture, "noise": _noise, "shapes": _shapes}
"""Kinds of generated pictures."""
