"""Random numbers per sample for augmentations, and checks of their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Augment", "Batch", "Size", "chance", "height_width", "log_uniform", "need_range", "need_within", "uniform"]

Size = int | tuple[int, int]
Batch = tuple[Tensor, Tensor]
Augment = Callable[[Tensor, Tensor], Batch]


def uniform(images: Tensor, low: float, high: float) -> Tensor:
    """Draw a uniform number per sample, (N,) float32, from torch's generator of the images' device."""
    return torch.empty(len(images), device=images.device).uniform_(low, high)


def log_uniform(images: Tensor, low: float, high: float) -> Tensor:
    """Draw a log-uniform number per sample, (N,) float32."""
    return uniform(images, math.log(low), math.log(high)).exp()


def chance(images: Tensor, p: float) -> Tensor:
    """Draw a bool per sample that is True with probability ``p``, (N, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, device=images.device) < p


def height_width(size: Size) -> tuple[int, int]:
    """Height and width of a job's image size; a single number is both."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def need_within(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless ``value`` is in low..high."""
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it must be in {low}..{high}")


def need_range(name: str, pair: tuple[float, float], low: float, high: float) -> None:
    """Raise ValueError unless both ends of a range are finite, above ``low``, at most ``high``, and in order."""
    if len(pair) != 2 or not (low < pair[0] <= pair[1] <= high) or math.isinf(pair[1]):
        limit = f"over {low}" if math.isinf(high) else f"over {low} and up to {high}"
        raise ValueError(f"{name} is {pair}; it must be two ascending numbers {limit}")
