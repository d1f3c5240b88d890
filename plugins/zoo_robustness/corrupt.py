"""The fifteen corruptions of ImageNet-C, and images of a split that are corrupted on access.

Source: D. Hendrycks, T. Dietterich, Benchmarking neural network robustness to common corruptions and perturbations,
ICLR 2019, arXiv:1903.12261. The corruptions are written with the published parameters, which are for images of 224
pixels; lengths in pixels are scaled to the side of the image.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import Split
from zoo_robustness import blur, digital, noise, weather

__all__ = ["CATEGORIES", "KINDS", "STRENGTHS", "CorruptedImages", "corrupt"]

Pixels = NDArray[np.uint8]
Corruption = Callable[[NDArray[Any], int, np.random.Generator, float], NDArray[Any]]
STRENGTHS = (1, 2, 3, 4, 5)
CATEGORIES: dict[str, tuple[Corruption, ...]] = {
    "noise": (noise.gaussian_noise, noise.shot_noise, noise.impulse_noise),
    "blur": (blur.defocus_blur, blur.glass_blur, blur.motion_blur, blur.zoom_blur),
    "weather": (weather.snow, weather.frost, weather.fog, weather.brightness),
    "digital": (digital.contrast, digital.elastic_transform, digital.pixelate, digital.jpeg_compression),
}
KINDS: dict[str, Corruption] = {each.__name__: each for several in CATEGORIES.values() for each in several}
"""The corruptions by name, in the order of the paper."""
_SIDE = 224


def corrupt(pixels: Pixels, kind: str, strength: int, seed: int = 0) -> Pixels:
    """Corrupt an image; the same image, kind, strength and seed give the same result.

    Args:
        pixels: uint8 (H, W, C), of 1 or 3 channels.
        kind: one of :data:`KINDS`.
        strength: 1 to 5.

    Returns:
        uint8 (H, W, C).
    """
    several = pixels.shape[2] > 1
    image = np.ascontiguousarray(pixels if several else np.repeat(pixels, 3, axis=2)).astype(np.float32) / 255
    place = (seed, list(KINDS).index(kind), strength, zlib.crc32(np.ascontiguousarray(pixels).data))
    found = KINDS[kind](image, strength, np.random.default_rng(place), max(pixels.shape[:2]) / _SIDE)
    corrupted: Pixels = (found * 255).round().clip(0, 255).astype(np.uint8)
    return corrupted if several else corrupted.mean(axis=2, keepdims=True).round().astype(np.uint8)


class CorruptedImages:
    """Images of a split that are corrupted on access, batch by batch, with one thread per core.

    Args:
        split: the images.
        pool: the threads.
    """

    def __init__(self, split: Split, kind: str, strength: int, seed: int, pool: ThreadPoolExecutor):
        self.split, self.kind, self.strength, self.seed, self.pool = split, kind, strength, seed, pool

    def __getitem__(self, indices: Any) -> Pixels:
        return np.stack(list(self.pool.map(self._one, self.split.gather(indices))))

    def _one(self, pixels: Pixels) -> Pixels:
        return corrupt(pixels, self.kind, self.strength, self.seed)


def new_pool() -> ThreadPoolExecutor:
    """Threads that corrupt images, one per core."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="zoo-corrupt")
