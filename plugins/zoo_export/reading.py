"""Exported artifacts, called with pixels and run by their own runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo_export.card import window_of

__all__ = ["ReadFile", "of_module"]

Scoring = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]]


class ReadFile:
    """An exported model, ready for use.

    Args:
        card: content of the bundle's zoo.json.
        answer: function of images, uint8 (N, H, W, C), that returns probabilities, or values, (N, K) float32.
        scores: function that returns these and the scores (N,) of attachments by name; None where the file has none.
        scored: names of these attachments.
        quantiles: function that returns the lowest, the value and the highest, (N, K, 3); None where the file has none.
    """

    def __init__(
        self,
        card: dict[str, Any],
        answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
        scores: Scoring | None = None,
        scored: tuple[str, ...] = (),
        quantiles: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None = None,
    ):
        self.card, self._answer, self._scores, self.scored = card, answer, scores, scored
        if quantiles is not None:
            self.quantiles = lambda images: quantiles(self._given(images))

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Predict probabilities, or values, (N, K) float32 of images (N, H, W, C)."""
        return self._answer(self._given(images))

    def scores(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Probabilities (N, K), and the scores (N,) of attachments by name."""
        return (self(images), {}) if self._scores is None else self._scores(self._given(images))

    def _given(self, images: NDArray[Any]) -> NDArray[Any]:
        """Images as the file takes them: of a card with a window in float32."""
        return images if window_of(self.card) is None else np.asarray(images, np.float32)


def of_module(card: dict[str, Any], module: nn.Module) -> ReadFile:
    """Create an artifact that is run by torch."""

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = module(torch.from_numpy(np.ascontiguousarray(images))).numpy()
        return found

    return ReadFile(card, answer)
