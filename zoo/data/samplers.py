"""The items of each training epoch, in the order of a sampler, so that a resumed run reproduces it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.data.split import Split

__all__ = ["Sampling", "cut", "part_of_passes"]

Order = NDArray[np.int64]
OrderOf = Callable[[int], Order]
"""A sampler: the number of an epoch, from 1 -> indices (M,) of its items, in their order."""


@dataclass(frozen=True)
class Sampling:
    """How the items of a training epoch are chosen and ordered.

    Args:
        sampler_of: returns the sampler of a split, for a number of processes that share every batch.
        images_per_epoch: number of items in an epoch; None: as many as the sampler gives.
    """

    sampler_of: Callable[[Split, int], OrderOf]
    images_per_epoch: int | None = None

    def order(self, split: Split, epoch: int, processes: int = 1) -> Order:
        """Items of an epoch (from 1).

        Args:
            processes: that share every batch.
        """
        order_of = self.sampler_of(split, processes)
        order = order_of(epoch)
        if self.images_per_epoch is None:
            return order
        return part_of_passes(order_of, len(order), self.images_per_epoch, epoch)


def part_of_passes(order_of: Callable[[int], Order], count: int, share: int, epoch: int) -> Order:
    """Items of an epoch that is shorter or longer than the data; each epoch continues where the last one stopped.

    Args:
        order_of: returns the order of a pass over the data, by its number from 1.
        count: number of items in a pass.
        share: number of items in an epoch.
        epoch: number of the epoch from 1; epoch 0, before training, is the same as 1.
    """
    begin = max(epoch - 1, 0) * share
    first, last = begin // count, (begin + share - 1) // count
    passes = np.concatenate([order_of(number + 1) for number in range(first, last + 1)])
    return passes[begin - first * count :][:share]


def cut(order: Order, batch_size: int, *, merge_last: bool) -> list[Order]:
    """Split an order into batches; a last batch of one joins the one before, since batch norm needs two samples."""
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if merge_last and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches
