"""What waits is computed together, each gets its own answer, and one that fails takes no other with it."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_serve.batcher import Batcher, Work


def echo(works: list[Work]) -> list[list[dict[str, Any]]]:
    return [[{"saw": pixel} for pixel in work.pixels] for work in works]


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=30), most=st.integers(1, 16), workers=st.integers(1, 3))
def test_each_gets_its_own_answers_and_no_batch_is_larger_than_may_be(sizes: list[int], most: int, workers: int):
    batches: list[list[int]] = []

    def compute(works: list[Work]) -> list[list[dict[str, Any]]]:
        batches.append([len(work.pixels) for work in works])
        return echo(works)

    batcher = Batcher(compute, most, workers)
    works = [Work([(i, j) for j in range(size)]) for i, size in enumerate(sizes)]
    futures = [batcher.put(work) for work in works]
    for work, future in zip(works, futures, strict=True):
        assert future.result(5) == [{"saw": pixel} for pixel in work.pixels]
    batcher.close()
    assert all(sum(batch) <= most or len(batch) == 1 for batch in batches)
    found = [size for batch in batches for size in batch]
    assert found == sizes if workers == 1 else sorted(found) == sorted(sizes)


def test_what_comes_while_it_is_at_work_is_the_next_batch():
    at_work, go_on, batches = threading.Event(), threading.Event(), []

    def compute(works: list[Work]) -> list[list[dict[str, Any]]]:
        batches.append(len(works))
        at_work.set()
        assert go_on.wait(5)
        return echo(works)

    batcher = Batcher(compute, 8)
    first = batcher.put(Work([0]))
    assert at_work.wait(5)
    rest = [batcher.put(Work([i])) for i in range(1, 11)]
    go_on.set()
    assert [future.result(5)[0]["saw"] for future in (first, *rest)] == list(range(11))
    batcher.close()
    assert batches == [1, 8, 2]


def test_one_that_fails_takes_no_other_with_it():
    def compute(works: list[Work]) -> list[list[dict[str, Any]]]:
        if any(work.pixels == ["bad"] for work in works):
            raise ValueError("bad")
        return echo(works)

    held = threading.Event()
    batcher = Batcher(lambda works: held.wait(5) and compute(works), 8)
    futures = [batcher.put(Work([pixel])) for pixel in ("a", "bad", "b")]
    held.set()
    assert futures[0].result(5) == [{"saw": "a"}]
    assert futures[2].result(5) == [{"saw": "b"}]
    with pytest.raises(ValueError, match="bad"):
        futures[1].result(5)
    batcher.close()


def test_what_nobody_waits_for_any_longer_is_not_computed():
    at_work, go_on, seen = threading.Event(), threading.Event(), []

    def compute(works: list[Work]) -> list[list[dict[str, Any]]]:
        seen.extend(pixel for work in works for pixel in work.pixels)
        at_work.set()
        assert go_on.wait(5)
        return echo(works)

    batcher = Batcher(compute, 1)
    first, second = batcher.put(Work([1])), None
    assert at_work.wait(5)
    second = batcher.put(Work([2]))
    assert second.cancel()
    go_on.set()
    first.result(5)
    batcher.close()
    assert seen == [1]
    with pytest.raises(CancelledError):
        second.result()


def test_at_its_end_it_computes_what_waits_and_takes_no_more():
    go_on = threading.Event()
    batcher = Batcher(lambda works: go_on.wait(5) and echo(works), 1)
    futures = [batcher.put(Work([i])) for i in range(5)]
    threading.Timer(0.05, go_on.set).start()
    batcher.close()
    assert [future.result(0)[0]["saw"] for future in futures] == list(range(5))
    with pytest.raises(RuntimeError):
        batcher.put(Work([9]))
