"""Cache of a run's images on the GPU, where they fit beside the training, to avoid a copy per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.data.split import Split

__all__ = ["Residence"]

_SHARE = 0.25
"""Maximum fraction of the GPU memory that is free when a run begins; the rest is for training."""
_PIECE = 4096
"""Number of images per copy; a store may be larger than the main memory."""


class Residence:
    """Images of a run's splits on its device.

    Args:
        device: device of the run; only a CUDA device has its own memory.
        free: returns the number of free bytes on the device; by default from CUDA.
    """

    def __init__(self, device: torch.device, free: Callable[[], int] | None = None):
        self.device = device
        self.free = free or self._ask
        self._kept: dict[int, tuple[Any, Tensor | None]] = {}  # by identity: parts of a split share their images

    def _ask(self) -> int:
        return int(torch.cuda.mem_get_info(self.device)[0]) if self.device.type == "cuda" else 0

    def images(self, split: Split) -> Tensor | None:
        """All images that the split is a part of, (N, H, W, C) on the device; None where they don't fit."""
        whole = split.images
        if id(whole) not in self._kept:
            fits = isinstance(whole, np.ndarray) and whole.nbytes <= _SHARE * self.free()
            self._kept[id(whole)] = (whole, self._copied(whole) if fits else None)
        return self._kept[id(whole)][1]

    def _copied(self, images: Any) -> Tensor:
        dtype = torch.from_numpy(np.empty(0, images.dtype)).dtype
        there = torch.empty(images.shape, dtype=dtype, device=self.device)
        for start in range(0, len(images), _PIECE):
            piece = np.array(images[start : start + _PIECE])  # copied, since torch warns about read-only arrays
            there[start : start + _PIECE] = torch.from_numpy(piece)
        return there
