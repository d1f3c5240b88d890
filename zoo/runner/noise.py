"""A dataset of noise, on which a job's steps are timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

BATCHES = 4
"""Batches in the training split."""
SIDE = 128


class Noise:
    """A dataset of noise, of two classes: every other image."""

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
    """The factory of a dataset whose training split fills a few batches."""

    def make(split: str) -> Noise:
        return Noise(batch_size * BATCHES if split == "train" else 2, channels)

    return make
