"""Training of a head on cached features, which a frozen backbone computes once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.engine.execution import Execution
from zoo.engine.fuse_bn import fold_norms
from zoo.engine.ranks import ALONE, Ranks


def compute_features(
    model: nn.Module,
    head: str,
    batches: Iterable[tuple[Tensor, Tensor]],
    execution: Execution,
    on_batch: Callable[[int], None] | None = None,
) -> Tensor:
    """Compute the head's input for each image, with the network in evaluation mode.

    Args:
        head: path of the layer whose output is the network's (see :func:`zoo.engine.layer_groups.is_last_step`).
        on_batch: called after each batch with the number of images so far.

    Returns:
        (N, …) float32, on the CPU.
    """
    own = model.get_submodule(head)
    found: list[Tensor] = []
    seen = 0
    model.set_submodule(head, nn.Identity())
    try:
        network: nn.Module | None = None
        for images, _ in batches:
            network = network or fold_norms(model, images[:2])
            with torch.inference_mode(), execution.autocast():
                found.append(network(images).float().cpu())
            seen += len(images)
            if on_batch is not None:
                on_batch(seen)
    finally:
        model.set_submodule(head, own)
    return torch.cat(found).clone()


class FeatureBatches:
    """Batches of cached features, with the interface of :class:`zoo.data.batches.Batches`.

    Args:
        features: (N, …) float32.
        labels: (N,) int64.
        order: returns the indices of each batch of an epoch.
        ranks: the processes that share every batch.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        order: Callable[[int], list[NDArray[np.int64]]],
        ranks: Ranks = ALONE,
    ):
        self.features, self.labels, self.order, self.ranks = features, labels, order, ranks
        self.weight = 1.0  # weight of the current batch: see Ranks.share
        self.epoch = 0
        self.begin = 0  # number of batches to skip in a resumed epoch

    def __len__(self) -> int:
        return len(self.order(self.epoch))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for whole in self.order(self.epoch)[self.begin :]:
            indices, self.weight = self.ranks.share(whole)
            rows = torch.from_numpy(indices).to(self.features.device)
            yield self.features[rows], self.labels[rows]
