"""Outputs of a network under test, for losses and metrics that take more than logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo.engine.outputs import call_scored, takes

__all__ = ["WIDTH", "class_names", "score", "takes_outputs"]

WIDTH = 8
"""Number of features of an image."""


def class_names(count: int) -> list[str]:
    """Names of ``count`` classes."""
    return [f"class {i}" for i in range(count)]


def takes_outputs(function: Any) -> bool:
    """Check that a loss or an ``update`` requires an output beside the logits."""
    return any(takes(function).values())


def score(function: Any, logits: Tensor, targets: Tensor) -> Any:
    """Call a loss or an ``update``; what else it requires are features (n, 8), a linear function of the logits."""
    names = [name for name, required in takes(function).items() if required]
    if not names:
        return function(logits, targets)
    weight = torch.randn(logits.shape[1], WIDTH, generator=torch.Generator().manual_seed(7))
    return call_scored(function, logits, targets, dict.fromkeys(names, logits @ weight))
