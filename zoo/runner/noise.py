"""A dataset of random noise, used to time a job's training steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

BATCHES = 4
"""Number of batches in the training split."""
SIDE = 128


class Noise:
    """Images (C, 128, 128) uint8 of random noise in two alternating classes."""

    def __init__(self, count: int, channels: int):
        self.classes = ["even", "odd"]
        self.targets = [i % 2 for i in range(count)]
        drawn = np.random.default_rng(0)
        self.images = drawn.integers(0, 256, (count, channels, SIDE, SIDE), np.uint8)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.images[index], self.targets[index]


def noise(batch_size: int, channels: int) -> Callable[..., Any]:
    """Return the factory of a noise dataset whose training split fills a few batches."""

    def make(split: str) -> Noise:
        return Noise(batch_size * BATCHES if split == "train" else 2, channels)

    return make
