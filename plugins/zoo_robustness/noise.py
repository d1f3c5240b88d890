"""Noise of ImageNet-C, with the parameters of its strengths 1 to 5.

Each function takes an image (H, W, 3) float32 in 0..1, a strength in 1..5, a random generator and the scale of lengths
(the side over 224 pixels), and returns an image whose values may lie outside of 0..1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["gaussian_noise", "impulse_noise", "shot_noise"]

Image = NDArray[Any]


def gaussian_noise(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Add normal noise to each value."""
    deviation = (0.08, 0.12, 0.18, 0.26, 0.38)[strength - 1]
    return np.asarray(image + np.float32(deviation) * rng.standard_normal(image.shape, np.float32))


def shot_noise(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Draw each value from the Poisson distribution of so many photons at full brightness."""
    photons = (60, 25, 12, 5, 3)[strength - 1]
    return (rng.poisson(image * photons) / photons).astype(np.float32)


def impulse_noise(image: Image, strength: int, rng: np.random.Generator, scale: float) -> Image:
    """Replace a fraction of the values by 0 or 1, each as often (salt and pepper)."""
    amount = (0.03, 0.06, 0.09, 0.17, 0.27)[strength - 1]
    draws = rng.random(image.shape, np.float32)
    salted = np.where(draws < amount / 2, np.float32(1), image)
    return np.where(draws > 1 - amount / 2, np.float32(0), salted)
