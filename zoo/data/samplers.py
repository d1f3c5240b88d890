"""Order of the images in an epoch, determined by seed and epoch alone, so that a resumed run reproduces it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from zoo.data.split import Split

__all__ = ["Sampling", "balanced_order", "cut", "epoch_order", "part_of_passes", "shard_order"]

Order = NDArray[np.int64]
WANDER = 4096
"""Size of the shuffle buffer for the images of a shard, so that only a few shards are open at a time."""


@dataclass(frozen=True)
class Sampling:
    """How the items of a training epoch are chosen and ordered.

    Args:
        seed: of the order.
        balanced: show each class equally often.
        images_per_epoch: number of items in an epoch; None: all of them.
    """

    seed: int
    balanced: bool = False
    images_per_epoch: int | None = None

    def order(self, split: Split, epoch: int, processes: int = 1) -> Order:
        """Items of an epoch (from 1).

        Args:
            processes: that share every batch.
        """
        order_of = partial(self._pass, split, processes)
        order = order_of(epoch)
        if self.images_per_epoch is None:
            return order
        return part_of_passes(order_of, len(order), self.images_per_epoch, epoch)

    def _pass(self, split: Split, processes: int, epoch: int) -> Order:
        """The order of one pass over all items."""
        if self.balanced:
            return balanced_order(split.labels, self.seed, epoch)
        if split.shards is not None:
            return shard_order(split.shards, self.seed, epoch, processes)
        return epoch_order(len(split), self.seed, epoch)


def epoch_order(count: int, seed: int, epoch: int) -> Order:
    """Uniform random permutation of ``count`` items."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def balanced_order(labels: NDArray[np.int64], seed: int, epoch: int) -> Order:
    """Random order of as many items as there are, with all classes equally frequent up to one item.

    Items of a class come in random order; a small class starts again when all of its items were shown.
    """
    generator = np.random.default_rng([seed, epoch])
    classes = generator.permutation(np.unique(labels))  # random choice of the classes shown once more than others
    shares = [len(labels) // len(classes) + (i < len(labels) % len(classes)) for i in range(len(classes))]
    drawn = []
    for label, share in zip(classes, shares, strict=True):
        items = np.flatnonzero(labels == label)
        rounds = [generator.permutation(items) for _ in range(-(-share // len(items)))]
        drawn.append(np.concatenate(rounds)[:share] if rounds else items[:0])
    return generator.permutation(np.concatenate(drawn))


def shard_order(shards: NDArray[np.integer], seed: int, epoch: int, processes: int = 1) -> Order:
    """Permutation of the items that reads few files at a time, with separate files for each process.

    Shards are assigned in random order, each to the process with the fewest images so far. A process reads its images
    shard by shard through a shuffle buffer of ``WANDER`` images. Item ``i`` of the order belongs to process
    ``i % processes``, consistent with ``Ranks.share`` for batch sizes divisible by ``processes``. A surplus of some
    processes at the end is shuffled and shared by all.

    Args:
        shards: (N,), file number of each item.
        processes: number of processes that share every batch.
    """
    generator = np.random.default_rng([seed, epoch])
    _, counts = np.unique(shards, return_counts=True)
    files = np.split(np.argsort(shards, kind="stable"), np.cumsum(counts)[:-1])
    dealt: list[list[Order]] = [[] for _ in range(processes)]
    have = [0] * processes
    for number in generator.permutation(len(files)):
        least = have.index(min(have))
        dealt[least].append(files[number])
        have[least] += len(files[number])
    lanes = [_wandering(np.concatenate(own) if own else files[0][:0], generator) for own in dealt]
    even = min(have)
    rest = generator.permutation(np.concatenate([lane[even:] for lane in lanes]))
    return np.concatenate([np.stack([lane[:even] for lane in lanes], axis=1).reshape(-1), rest])


def _wandering(items: Order, generator: np.random.Generator) -> Order:
    found: Order = items[np.argsort(np.arange(len(items)) + generator.random(len(items)) * WANDER, kind="stable")]
    return found


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
