"""Images that stay on a GPU, where they fit beside the training: no step waits for a copy then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.data.split import Split

__all__ = ["Residence"]

_SHARE = 0.25
"""Of the memory that is free when a run begins; the rest is for the training."""
_PIECE = 4096
"""Images that are copied at once: a store may be larger than the machine's memory."""


class Residence:
    """The images of a run's splits on its device.

    Args:
        device: only a CUDA device has a memory of its own.
        free: bytes that are free there; by default the device is asked.
    """

    def __init__(self, device: torch.device, free: Callable[[], int] | None = None):
        self.device = device
        self.free = free or self._ask
        self._kept: dict[int, tuple[Any, Tensor | None]] = {}  # by identity: parts of a split share their images

    def _ask(self) -> int:
        return int(torch.cuda.mem_get_info(self.device)[0]) if self.device.type == "cuda" else 0

    def images(self, split: Split) -> Tensor | None:
        """All images that the split is a part of, uint8 (N, H, W, C) on the device; None where they don't fit."""
        whole = split.images
        if id(whole) not in self._kept:
            fits = isinstance(whole, np.ndarray) and whole.nbytes <= _SHARE * self.free()
            self._kept[id(whole)] = (whole, self._copied(whole) if fits else None)
        return self._kept[id(whole)][1]

    def _copied(self, images: Any) -> Tensor:
        there = torch.empty(images.shape, dtype=torch.uint8, device=self.device)
        for start in range(0, len(images), _PIECE):
            piece = np.array(images[start : start + _PIECE])  # a map is read-only, which torch warns of
            there[start : start + _PIECE] = torch.from_numpy(piece)
        return there
