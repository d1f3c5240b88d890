"""Orders of an epoch: every item once, few files at a time, and each process has its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.engine.ranks import Ranks
from zoo_samplers import samplers
from zoo_samplers.samplers import shard_order

counts = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def shards_of(sizes: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


@given(sizes=counts, seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 1000), processes=st.integers(1, 5))
def test_every_item_comes_once_and_again_in_the_same_place(sizes: list[int], seed: int, epoch: int, processes: int):
    shards = shards_of(sizes)
    first = shard_order(shards, seed, epoch, processes)
    np.random.seed(0)
    assert sorted(first) == list(range(len(shards)))
    assert np.array_equal(shard_order(shards, seed, epoch, processes), first)


@given(size=st.integers(1, 30), files=st.integers(1, 6), processes=st.integers(2, 4), seed=st.integers(0, 99))
def test_each_process_reads_files_of_its_own(size: int, files: int, processes: int, seed: int):
    shards = shards_of([size] * (files * processes))
    order = shard_order(shards, seed, 1, processes)
    batch = 4 * processes
    read = []
    for rank in range(processes):
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
        whole = [items for items in batches if len(items) >= 2 * processes]  # a smaller rest is for a batch norm's sake
        parts = [Ranks(rank, processes).share(items)[0] for items in whole]
        read.append(set(shards[np.concatenate(parts)]) if parts else set())
    assert sum(map(len, read)) == len(set().union(*read)), "no file is read by two"


def test_orders_differ_from_epoch_to_epoch_and_seed_to_seed():
    shards = shards_of([10] * 5)
    assert len({tuple(shard_order(shards, seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_few_files_are_read_at_a_time_and_neighbours_are_mixed():
    shards = shards_of([1000] * 50)
    read = shards[shard_order(shards, 0, 1)]
    at_once = [len(set(read[i : i + 1000])) for i in range(0, len(read), 1000)]
    assert max(at_once) <= (1000 + samplers.WANDER) // 1000 + 2
    assert min(len(set(read[i : i + 64])) for i in range(4096, len(read) - 4096, 64)) >= 3


@pytest.mark.parametrize("processes", [1, 3])
def test_a_file_much_larger_than_the_others_loses_nothing(processes: int):
    shards = shards_of([1, 500, 2, 3])
    assert sorted(shard_order(shards, 5, 2, processes)) == list(range(506))
