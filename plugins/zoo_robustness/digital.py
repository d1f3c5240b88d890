"""Digital corruptions of ImageNet-C; the functions are as in :mod:`zoo_robustness.noise`."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pictures
from scipy.ndimage import gaussian_filter
from torch.nn.functional import grid_sample

__all__ = ["contrast", "elastic_transform", "jpeg_compression", "pixelate"]

Image = NDArray[Any]


def contrast(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Move each value towards the mean of its channel."""
    kept = np.float32((0.4, 0.3, 0.2, 0.1, 0.05)[strength - 1])
    mean = image.mean(axis=(0, 1), keepdims=True)
    return np.asarray((image - mean) * kept + mean)


def elastic_transform(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Distort the image by a random affine map and smooth random displacements.

    The published lengths are multiples of 244 pixels, for images of 224.
    """
    amount, sigma, corners = (
        (2, 0.7, 0.1),
        (2, 0.08, 0.2),
        (0.05, 0.01, 0.02),
        (0.07, 0.01, 0.02),
        (0.12, 0.01, 0.02),
    )[strength - 1]
    unit, (height, width, _) = 244 * scale, image.shape
    rows, columns = (_displacement(rng, (height, width), amount * unit, sigma * unit) for _ in range(2))
    down, across = np.indices((height, width), dtype=np.float64)
    points = np.stack([across + columns, down + rows, np.ones((height, width))], axis=-1)
    places = points @ _affine(rng, height, width, corners * unit).T
    grid = (2 * places + 1) / (width, height) - 1
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
    chosen = torch.from_numpy(grid.astype(np.float32))[None]
    moved = grid_sample(planes, chosen, padding_mode="reflection", align_corners=False)
    found: Image = moved[0].numpy().transpose(1, 2, 0)
    return found


def _displacement(rng: np.random.Generator, shape: tuple[int, int], amount: float, sigma: float) -> Image:
    noise = rng.uniform(-1, 1, shape)
    return np.asarray(amount * gaussian_filter(noise, sigma, mode="reflect", truncate=3), np.float32)


def _affine(rng: np.random.Generator, height: int, width: int, reach: float) -> NDArray[np.float64]:
    """Draw an affine map (2, 3) from pixels of the result to those of the image, by three points that move."""
    middle, arm = np.array([width // 2, height // 2]), min(height, width) // 3
    before = middle + arm * np.array([[1, 1], [1, -1], [-1, -1]])
    after = before + rng.uniform(-reach, reach, (3, 2))
    solved: NDArray[np.float64] = np.linalg.lstsq(np.c_[after, np.ones(3)], before, rcond=None)[0].T
    return solved


def pixelate(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Reduce the image to a fraction of its side, and enlarge it."""
    fraction = (0.6, 0.5, 0.4, 0.3, 0.25)[strength - 1]
    height, width, _ = image.shape
    small = max(1, int(width * fraction)), max(1, int(height * fraction))
    picture = _picture(image).resize(small, Pictures.Resampling.BOX)
    return _values(picture.resize((width, height), Pictures.Resampling.BOX))


def jpeg_compression(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Compress the image as JPEG."""
    file = io.BytesIO()
    _picture(image).save(file, "JPEG", quality=(25, 18, 15, 10, 7)[strength - 1])
    return _values(Pictures.open(file))


def _picture(image: Image) -> Pictures.Image:
    return Pictures.fromarray((image * 255).round().clip(0, 255).astype(np.uint8))


def _values(picture: Pictures.Image) -> Image:
    return np.asarray(picture, np.float32) / 255
