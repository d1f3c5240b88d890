"""Samplers: the order of the items in an epoch, determined by the seed and the number of the epoch alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

Order = NDArray[np.int64]
WANDER = 4096
"""Size of the shuffle buffer for the images of a shard, so that only a few shards are open at a time."""


def shuffle(
    count: int, seed: int, shards: NDArray[np.integer] | None = None, processes: int = 1
) -> Callable[[int], Order]:
    """Every item once in random order; the items of a dataset of shards a few shards at a time."""
    if shards is not None:
        return partial(shard_order, shards, seed, processes=processes)
    return partial(epoch_order, count, seed)


def balanced(labels: NDArray[np.int64], seed: int) -> Callable[[int], Order]:
    """As many items as there are, with all classes equally frequent."""
    return partial(balanced_order, labels, seed)


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
