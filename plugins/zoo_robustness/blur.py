"""Blur of ImageNet-C; the functions are as in :mod:`zoo_robustness.noise`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch.nn.functional import conv2d, grid_sample, pad

__all__ = ["defocus_blur", "glass_blur", "motion_blur", "moved", "zoom_blur", "zoomed"]

Image = NDArray[Any]
_PARTS = 8
"""Number of points per pixel, in each direction, of which a disk for a small image is made."""


def defocus_blur(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Convolve with a disk whose edge is smoothed.

    Where a radius may be less than a pixel, the disk has fractions of pixels: it would blur nothing otherwise.
    """
    radius, edge = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))[strength - 1]
    reach = max(1, math.ceil(radius * scale) + 1)
    parts = 1 if scale >= 0.5 else _PARTS  # below, a radius of 3 has less than 1.5 pixels
    place = np.arange(-reach * parts, reach * parts + 1) / parts
    inside = (place[:, None] ** 2 + place**2 <= (radius * scale) ** 2).astype(np.float32)
    near = (1 - np.abs(np.arange(-reach, reach + 1)[:, None] - place)).clip(0).astype(np.float32)
    disk = gaussian_filter(near @ inside @ near.T, edge)
    kernel = torch.from_numpy(disk / disk.sum()).expand(image.shape[2], 1, *disk.shape)
    planes = pad(_planes(image), [reach] * 4, mode="replicate")
    return _image(conv2d(planes, kernel, groups=image.shape[2]))


def glass_blur(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Blur, exchange pixels with random neighbours, and blur again.

    ImageNet-C swaps the pixels one after the other; here each pixel takes the value of a random neighbour, all at once.
    """
    sigma, reach, rounds = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))[strength - 1]
    blurred = gaussian_filter(image, (sigma * scale, sigma * scale, 0))
    height, width, _ = image.shape
    rows, columns = np.indices((height, width))
    most = reach * scale + 0.5  # rounded, every distance up to the reach has the same probability
    for _ in range(rounds):
        down, across = np.rint(rng.uniform(-most, most, (2, height, width))).astype(np.int64)
        blurred = blurred[(rows + down).clip(0, height - 1), (columns + across).clip(0, width - 1)]
    return np.asarray(gaussian_filter(blurred, (sigma * scale, sigma * scale, 0)))


def motion_blur(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Blur along a direction of up to 45 degrees from the horizontal."""
    radius, sigma = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))[strength - 1]
    return moved(image, radius * scale, sigma * scale, rng.uniform(-45, 45))


def moved(image: Image, radius: float, sigma: float, degrees: float) -> Image:
    """Blur along a direction, to one side, with the weights of half a normal distribution.

    Args:
        image: (H, W, C).
        radius: half of the length of the track in pixels.
        sigma: standard deviation of the weights in pixels.
    """
    reach = max(1, round(2 * radius))
    weights = np.exp(-0.5 * (np.arange(reach + 1) / max(sigma, 1e-3)) ** 2).astype(np.float32)
    weights /= weights.sum()
    angle, found = math.radians(degrees), np.zeros_like(image)
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    height, width, _ = image.shape
    for step, weight in enumerate(weights):
        top, left = reach + round(step * math.sin(angle)), reach + round(step * math.cos(angle))
        found += weight * padded[top : top + height, left : left + width]
    return found


def zoom_blur(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Average the image with enlarged copies of its centre."""
    most, step = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))[strength - 1]
    factors = np.arange(1, most, step)
    return np.asarray((image + sum(zoomed(image, factor) for factor in factors)) / np.float32(len(factors) + 1))


def zoomed(image: Image, factor: float) -> Image:
    """Enlarge the centre of an image (H, W, C) to its size, bilinearly."""
    height, width, _ = image.shape
    down, across = (torch.linspace(-1, 1, n) * ((n - 1) / n) / factor for n in (height, width))
    grid = torch.stack(torch.meshgrid(down, across, indexing="ij")[::-1], dim=-1)
    return _image(grid_sample(_planes(image), grid[None], padding_mode="border", align_corners=False))


def _planes(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def _image(planes: torch.Tensor) -> Image:
    found: Image = planes[0].numpy().transpose(1, 2, 0)
    return found
