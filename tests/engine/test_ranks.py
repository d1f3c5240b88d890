"""Two processes of one run: what each computes of its part is, put together, what one computes of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.engine.ranks import Ranks

SCRIPT = Path(__file__).with_name("two_ranks.py")


@pytest.fixture(scope="module")
def found(in_two_processes) -> list[dict[str, Any]]:
    """What each process found, by rank."""
    return in_two_processes(SCRIPT)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_parts_of_a_batch_are_large_enough_for_a_batch_norm(size: int):
    for count in range(2, 40):
        batch = np.arange(count) + 100
        parts = [Ranks(rank, size).share(batch) for rank in range(size)]
        assert all(len(own) >= 2 for own, _ in parts)
        counted = np.concatenate([own for own, weight in parts if weight])
        assert sorted(counted) == list(batch), "each image counts, and once"
        for own, weight in parts:
            assert weight in (0, pytest.approx(len(own) * size / count))
    assert Ranks(1, 2).share(np.array([7]))[1] == 0


@pytest.mark.slow
def test_a_small_last_batch_does_not_end_a_network_with_batch_norms(found):
    """One process has all three images, so that it is the step of one alone; the other's two count for nothing."""
    for mine in found:
        alone, shared = mine["normed"]
        assert shared["weights"] == pytest.approx(alone["weights"], rel=1e-4, abs=1e-6)


@pytest.mark.slow
def test_a_metric_that_adds_up_by_itself_counts_each_image_once(found):
    """Each process has every answer: torchmetrics' own sync would count all of them twice."""
    for mine in found:
        assert mine["metrics"]["sums"] == [12, 4]
        low, high = mine["metrics"]["interval"]
        assert 0 < low < 4 < high <= 8, "counted twice, eight would be in the middle of it"
        assert mine["metrics"]["others"] == 2, "and the run's own processes still hear each other"


@pytest.mark.slow
def test_a_weighted_loss_takes_the_step_of_the_whole_batch(found):
    """Class weights: each process divides by the weight of all images, not by its own."""
    for mine in found:
        alone, *shared = mine["weighted"]
        for step in shared:
            assert step["loss"] == pytest.approx(alone["loss"], rel=1e-5)
            assert step["weights"] == pytest.approx(alone["weights"], rel=1e-4, abs=1e-5)


@pytest.mark.slow
def test_a_layer_that_one_process_skips_stays_the_same_on_both(found):
    for mine in found:
        alone, *shared = mine["skipped"]
        for step in shared:
            assert step["weights"] == pytest.approx(alone["weights"], rel=1e-4, abs=1e-6)
    assert found[0]["skipped"][1:] == found[1]["skipped"][1:]


@pytest.mark.slow
def test_a_step_is_repeated_in_pieces_by_the_process_whose_memory_is_too_small(found):
    for mine in found:
        alone, shared = mine["short"]
        assert shared["weights"] == pytest.approx(alone["weights"], rel=1e-4, abs=1e-6)
    assert found[0]["short"][1] == found[1]["short"][1]


@pytest.mark.slow
def test_weights_of_a_loss_and_a_closure_take_the_step_of_the_whole_batch(found):
    for rank in found:
        alone, together = rank["featured"]
        assert together["weights"] == pytest.approx(alone["weights"], abs=1e-5)
        assert together["told"] == pytest.approx(alone["told"], abs=1e-5)
        assert together["batches"] == alone["batches"] == 3, "a closure does not count a batch again"
    assert found[0]["featured"][1] == found[1]["featured"][1]
