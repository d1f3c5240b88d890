"""A frozen backbone runs once: its features are kept, and the head is trained on them by itself."""

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
    """What the head is given for each image, by the network as it evaluates.

    Args:
        head: path of the layer whose output is the network's (see :func:`zoo.engine.layer_groups.is_last_step`).
        on_batch: told how many images are through.

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
    """Batches of features, as :class:`zoo.data.batches.Batches` gives of images.

    Args:
        features: (N, …) float32.
        labels: (N,) int64.
        order: the indices of each batch, for an epoch.
        ranks: the processes that have a part of every batch.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        order: Callable[[int], list[NDArray[np.int64]]],
        ranks: Ranks = ALONE,
    ):
        self.features, self.labels, self.order, self.ranks = features, labels, order, ranks
        self.weight = 1.0  # of the batch that was given last: see Ranks.share
        self.epoch = 0
        self.begin = 0  # so many batches of the epoch are left out: they were trained on before

    def __len__(self) -> int:
        return len(self.order(self.epoch))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for whole in self.order(self.epoch)[self.begin :]:
            indices, self.weight = self.ranks.share(whole)
            rows = torch.from_numpy(indices).to(self.features.device)
            yield self.features[rows], self.labels[rows]
