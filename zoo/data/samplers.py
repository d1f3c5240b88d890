"""In which order an epoch shows the images: by seed and epoch alone, so that a resumed run finds it again."""

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
"""Images among which those of a shard are shuffled; a few shards are then being read at a time."""


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
    """Any order of so many items is as likely as any other."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def balanced_order(labels: NDArray[np.int64], seed: int, epoch: int) -> Order:
    """As many items as there are, each class as often as any other, give or take one.

    Items of a class come in a random order; a small class begins again when all of its items were shown.
    """
    generator = np.random.default_rng([seed, epoch])
    classes = generator.permutation(np.unique(labels))  # whichever are shown once more than others
    shares = [len(labels) // len(classes) + (i < len(labels) % len(classes)) for i in range(len(classes))]
    drawn = []
    for label, share in zip(classes, shares, strict=True):
        items = np.flatnonzero(labels == label)
        rounds = [generator.permutation(items) for _ in range(-(-share // len(items)))]
        drawn.append(np.concatenate(rounds)[:share] if rounds else items[:0])
    return generator.permutation(np.concatenate(drawn))


def shard_order(shards: NDArray[np.integer], seed: int, epoch: int, processes: int = 1) -> Order:
    """Every item once, so that few files are read at a time, and each process reads files of its own.

    Shards come in a random order, each to the process that has the fewest images so far. A process's images come shard
    by shard, and each wanders by up to ``WANDER`` places, as through a buffer of that size. Item ``i`` of the order is
    process ``i % processes``'s, as ``Ranks.share`` deals a batch whose size they divide; a last batch with less than
    two for each, and what some have more at the end than others, is all processes'.

    Args:
        shards: (N,), the number of each item's file.
        processes: that share every batch.
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
    """The items of an epoch that is shorter or longer than the data: epochs go on where the one before stopped.

    Args:
        order_of: number of a pass over the data, from 1 -> its order.
        count: items in a pass.
        share: items in an epoch.
        epoch: from 1; of epoch 0, which is before training, the first part.
    """
    begin = max(epoch - 1, 0) * share
    first, last = begin // count, (begin + share - 1) // count
    passes = np.concatenate([order_of(number + 1) for number in range(first, last + 1)])
    return passes[begin - first * count :][:share]


def cut(order: Order, batch_size: int, *, merge_last: bool) -> list[Order]:
    """Batches of an order. A last batch of one joins the one before: batch norm can't train on a single sample."""
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if merge_last and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches
