"""Exported artifacts, called with pixels and run by their own runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["ReadFile", "of_module"]


class ReadFile:
    """An exported model, ready for use.

    Args:
        card: content of the bundle's zoo.json.
        answer: function of images, uint8 (N, H, W, C), that returns probabilities, or values, (N, K) float32.
    """

    def __init__(self, card: dict[str, Any], answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]]):
        self.card, self._answer = card, answer

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Predict probabilities, or values, (N, K) float32 of images, uint8 (N, H, W, C)."""
        return self._answer(images)


def of_module(card: dict[str, Any], module: nn.Module) -> ReadFile:
    """Create an artifact that is run by torch."""

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = module(torch.from_numpy(np.ascontiguousarray(images))).numpy()
        return found

    return ReadFile(card, answer)
