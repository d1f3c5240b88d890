"""Precision of the losses."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["full_precision"]


def full_precision(logits: Tensor) -> Tensor:
    """Convert half-precision logits to float32."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
