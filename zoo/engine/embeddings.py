"""Embeddings: what a network's last layer is given, one vector for each image."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from zoo.engine.layer_groups import find_head

__all__ = ["HeadInputs"]


class HeadInputs:
    """Records the inputs of a network's head, in each thread its own. Copies of the network are recorded too.

    Args:
        model: images (N, C, H, W) -> logits (N, K).
        images: (N, C, H, W) float32, an input of the network.

    Raises:
        ValueError: the network has no last layer with weights.
    """

    def __init__(self, model: nn.Module, images: Tensor) -> None:
        sink = self._sink = threading.local()

        def keep(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            if (seen := getattr(sink, "seen", None)) is not None:
                seen.append(_vectors(module, given[0]))

        model.get_submodule(find_head(model, images)).register_forward_pre_hook(keep)

    @contextmanager
    def recorded(self) -> Iterator[list[Tensor]]:
        """Record within the context: a tensor (N, D) float32 on the CPU for each call of the head by this thread."""
        self._sink.seen = []
        try:
            yield self._sink.seen
        finally:
            del self._sink.seen


def _vectors(head: nn.Module, given: Tensor) -> Tensor:
    """One vector for each image: the mean over positions where the head is applied to each of them."""
    channels = 1 if isinstance(head, nn.Conv2d) else given.ndim - 1
    positions = [axis for axis in range(1, given.ndim) if axis != channels]
    return torch.mean(given.float(), positions).cpu() if positions else given.float().cpu()
