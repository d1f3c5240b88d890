"""What detectors are fitted on, and their base class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

__all__ = ["FittedDetector", "KnownImages"]


@dataclass(frozen=True)
class KnownImages:
    """A network's outputs for images of its classes.

    Args:
        logits: (N, K) float32.
        embeddings: (N, D) float32, what the last layer is given; None for a network without such a layer.
        labels: (N,) int64.
        weight, bias: the last layer's, (C, D) and (C,), with C = K, or 1 for two classes of one logit; None where that
            is not one linear layer.
    """

    logits: Tensor
    embeddings: Tensor | None
    labels: Tensor
    weight: Tensor | None = None
    bias: Tensor | None = None

    @property
    def features(self) -> Tensor:
        """The embeddings, for a detector that needs them."""
        assert self.embeddings is not None
        return self.embeddings


class FittedDetector(nn.Module):
    """Base class of detectors. Buffers are what a detector has learned, and are kept with the model."""

    needs_embeddings: ClassVar[bool] = False

    def fit(self, known: KnownImages) -> None:
        """Learn from images of the model's classes, by :meth:`learn`."""

    def learn(self, **buffers: Any) -> None:
        """Register buffers: tensors, or numbers as tensors of no dimension."""
        for name, value in buffers.items():
            tensor = value if isinstance(value, Tensor) else torch.tensor(float(value))
            self.register_buffer(name, tensor.float().contiguous())

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what was learned, from the buffers by name."""
        self.learn(**tensors)

    def learned(self) -> dict[str, Tensor]:
        """The buffers by name."""
        return dict(self.named_buffers())
