"""Embeddings and logits of a network side by side, whatever follows its last layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["EmbedderWithLogits"]


class _LastInput:
    """Keeps the input of a layer as one vector for each image; copies of the network share the object."""

    def __deepcopy__(self, memo: Any) -> _LastInput:
        return self

    def __call__(self, layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        """Keep, as a forward pre-hook of the layer; positions that the layer is applied to are averaged."""
        values = given[0]
        channels = 1 if isinstance(layer, nn.Conv2d) else values.ndim - 1
        positions = [axis for axis in range(1, values.ndim) if axis != channels]
        self.values = values.mean(dim=positions) if positions else values


class EmbedderWithLogits(nn.Module):
    """Embeddings and logits of a network: images -> (N, D + K).

    Args:
        network: images -> logits (N, K).
        path: path of its last layer with weights, whose input is the embedding.
    """

    def __init__(self, network: nn.Module, path: str):
        super().__init__()
        self.network, self.seen, self.last = network, _LastInput(), nn.Identity()
        network.get_submodule(path).register_forward_pre_hook(self.seen)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images)
        both: Tensor = self.last(torch.cat([self.seen.values.to(logits.dtype), logits], dim=1))
        return both
