"""An artifact that was read back: called with pixels, it answers by its own runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["Artifact", "of_module"]


class Artifact:
    """An artifact in use.

    Args:
        card: what it says of itself: the zoo.json of its bundle.
        answer: uint8 (N, H, W, C) -> probabilities (N, K) float32.
    """

    def __init__(self, card: dict[str, Any], answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]]):
        self.card, self._answer = card, answer

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (N, H, W, C) -> probabilities (N, K) float32."""
        return self._answer(images)


def of_module(card: dict[str, Any], module: nn.Module) -> Artifact:
    """One whose runtime is torch."""

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = module(torch.from_numpy(np.ascontiguousarray(images))).numpy()
        return found

    return Artifact(card, answer)
