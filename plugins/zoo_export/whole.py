"""The whole inference path in torch: pixels, resize, normalisation, network, and its outputs as answers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from zoo.api.compute import task_named
from zoo_export.card import REGRESSION, resizing, window_of

__all__ = ["Answer", "Prepare", "Reading", "Whole"]


class Prepare(nn.Module):
    """Preprocessing: images (N, H, W, C) of any size -> the network's input (N, C, size, size) float.

    Images are uint8; those of a card with a window are float32, and are not rounded. As in Pillow, rows are resized and
    rounded to integers, then columns, in floats, which every device supports. The
    module can be scripted, and exported with any N, H and W.
    """

    def __init__(self, card: dict[str, Any]):
        super().__init__()
        self.size, self.shorter, self.crop, self.mode = resizing(card)
        shape = card["preprocessing"]
        self.register_buffer("mean", torch.tensor(shape["mean"]).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(shape["std"]).view(1, -1, 1, 1))
        self.register_buffer("window", torch.arange(self.size))
        window = window_of(card)
        self.rounds = window is None
        self.low, self.range = (0.0, 255.0) if window is None else (window[0], window[1] - window[0])

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.permute(0, 3, 1, 2).float()
        height, width = pixels.size(2), pixels.size(3)
        if self.crop:
            short = min(height, width)
            high, wide = self.shorter * height // short, self.shorter * width // short
            pixels = self.scaled(pixels, high, wide)
            pixels = pixels.index_select(2, self.window + self.half(high - self.size))
            pixels = pixels.index_select(3, self.window + self.half(wide - self.size))
        else:
            pixels = self.scaled(pixels, self.size, self.size)
        unit = (pixels - self.low) / self.range
        return ((unit if self.rounds else unit.clamp(0, 1)) - self.mean) / self.std

    def scaled(self, pixels: Tensor, high: int, wide: int) -> Tensor:
        """Resize (N, C, H, W) to (N, C, high, wide), without a window with integer values in 0..255."""
        if self.mode == "nearest":
            return interpolate(pixels, [high, wide], mode="nearest-exact")
        rows = self.pixel(interpolate(pixels, [pixels.size(2), wide], mode=self.mode, antialias=True))
        return self.pixel(interpolate(rows, [high, wide], mode=self.mode, antialias=True))

    def pixel(self, values: Tensor) -> Tensor:
        return values.round().clamp(0, 255) if self.rounds else values

    def half(self, rest: int) -> int:
        """Compute Python's ``round(rest / 2)``, which rounds halves to even."""
        floor = rest // 2
        return floor + (rest % 2) * (floor % 2)


class Reading(nn.Module):
    """A network whose raw outputs (N, M) are read: images -> logits, or values in the unit of the data, (N, K) float32.

    The module can be traced and exported, but not scripted.

    Args:
        network: normalised images (N, C, size, size) -> raw outputs (N, M).
        card: content of the bundle's zoo.json.
    """

    def __init__(self, network: nn.Module, card: dict[str, Any]):
        super().__init__()
        self.network, self._task = network, task_named(card.get("task", ""), card)

    def forward(self, images: Tensor) -> Tensor:
        return self._task.read(self.network(images).float())


class Answer(nn.Module):
    """Postprocessing: logits (N, K) -> probabilities (N, K) float32, by the bundle's temperature; values stay."""

    def __init__(self, card: dict[str, Any]):
        super().__init__()
        self.values: bool = card.get("task") == REGRESSION
        self.multilabel: bool = card.get("task") == "multi-label"
        self.temperature: float = 1.0 if self.multilabel else float(card.get("temperature", 1.0))

    def forward(self, logits: Tensor) -> Tensor:
        if self.values:
            return logits.float()
        scaled = logits.float() / self.temperature
        return scaled.sigmoid() if self.multilabel else scaled.softmax(1)


class Whole(nn.Module):
    """The whole path: images (N, H, W, C) -> probabilities, or values, (N, K) float32.

    Args:
        network: normalised images (N, C, size, size) -> logits or values (N, K), as :class:`Reading` returns them.
        card: content of the bundle's zoo.json.
        half: the network computes in float16.
    """

    def __init__(self, network: nn.Module, card: dict[str, Any], half: bool = False):
        super().__init__()
        self.prepare, self.network, self.answer = Prepare(card), network, Answer(card)
        self.half_precision = half

    def forward(self, images: Tensor) -> Tensor:
        prepared = self.prepare(images)
        logits = self.network(prepared.half() if self.half_precision else prepared)
        answer: Tensor = self.answer(logits)
        return answer
