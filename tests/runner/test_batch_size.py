"""``--batch-size auto``: the recipe's batch in as few pieces as the memory takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.runner import batch_size
from zoo.runner.batch_size import _activations, find_batch, free_memory, largest_batch, largest_that_fits, plan_batch
from zoo.runner.components import RunComponents, build_components
from zoo.runner.observer import Observer

TINY = ("--epochs", "1", "--set", "architecture.channels=[8,16]")


def digits_parts(**options) -> RunComponents:
    asked = {"architecture": "simple_cnn", "dataset": "digits", "set": {"architecture.channels": [8, 16], **options}}
    return build_components(resolve(make_request(asked), open_registry()), Observer())


@given(st.integers(1, 5000), st.integers(1, 10**6), st.integers(1, 10**4))
def test_a_plan_keeps_the_recipes_batch_and_every_piece_fits(recipe, images, fits):
    plan = plan_batch(recipe, images, fits)
    assert 1 <= plan.batch_size <= max(recipe, 1), "never larger than the recipe's"
    assert plan.batch_size <= 1024
    assert plan.batch_size <= max(images // 10, 2)
    if recipe <= 1024 and 10 * recipe <= images:
        assert plan.batch_size == recipe
    piece = -(-plan.batch_size // plan.accumulate)
    assert piece <= fits
    if plan.accumulate > 1:
        assert -(-plan.batch_size // (plan.accumulate - 1)) > fits, "in one piece less it would not fit"


@given(st.integers(1, 300), st.integers(1, 3000))
def test_more_memory_never_means_more_pieces(recipe, images):
    pieces = [plan_batch(recipe, images, fits).accumulate for fits in range(1, recipe + 2)]
    assert pieces == sorted(pieces, reverse=True)


def test_no_room_for_one_image_is_told():
    with pytest.raises(RequestError, match="not even a single image fits"):
        plan_batch(32, 1000, 0)


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_search_finds_the_largest_that_fits_in_few_trials(limit, most):
    tried = []

    def fits(count: int) -> bool:
        tried.append(count)
        return count <= limit

    assert largest_that_fits(fits, most) == min(limit, most)
    assert len(tried) <= 2 * most.bit_length() + 1
    assert len(set(tried)) == len(tried)
    assert all(1 <= count <= most for count in tried)


def test_activations_grow_evenly_with_the_images():
    parts = digits_parts()
    parts.begin_epoch(1)
    batch = next(iter(parts.train_batches))
    used = [_activations(parts, batch, count) for count in (2, 4, 8)]
    assert used[1] - used[0] > 0
    assert used[2] - used[1] == pytest.approx(2 * (used[1] - used[0]), rel=0.1)
    # Two convolutions of 8 and 16 channels on 16 px keep at least their outputs, in float32 or half of it.
    assert (used[1] - used[0]) / 2 > 2 * 8 * 16 * 16


def test_with_room_it_is_the_recipes_batch_in_one_piece():
    plan = find_batch(digits_parts())
    assert (plan.batch_size, plan.accumulate) == (64, 1)


def test_with_little_room_the_same_batch_comes_in_pieces(monkeypatch):
    parts = digits_parts()
    parts.begin_epoch(1)
    batch = next(iter(parts.train_batches))
    each = (_activations(parts, batch, 8) - _activations(parts, batch, 2)) / 6
    weights = sum(p.nbytes for p in parts.model.parameters())
    monkeypatch.setattr(batch_size, "free_memory", lambda: int(2 * (3 * weights + 2 * each * 20.5)))
    plan = find_batch(parts)
    assert plan.fits == 20
    assert (plan.batch_size, plan.accumulate) == (64, 4)


def test_free_memory_is_some_of_the_machines():
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024 if Path("/proc/meminfo").is_file() else None
    assert free_memory() > 0
    assert total is None or free_memory() <= total


def test_a_small_data_set_has_small_batches():
    assert largest_batch(64, 200) == 20
    assert largest_batch(64, 12) == 2, "batch norm wants two"
    assert largest_batch(4096, 10**6) == 1024


def test_a_run_by_memory_is_the_recipes_run(zoo):
    words = ("run", "simple_cnn", "digits", *TINY, "--quiet")
    assert zoo(*words, "--batch-size", "auto", "--name", "auto")[0] == 0
    assert zoo(*words, "--name", "plain")[0] == 0
    auto, plain = (json.loads(Path(f"runs/{name}/result.json").read_text()) for name in ("auto", "plain"))
    assert auto["job"] == plain["job"]
    assert auto["metrics"] == plain["metrics"]
    assert auto["job_sources"]["train.batch_size"] == "by memory"
    assert auto["tuning"]["batch_size"]["batch_size"] == 64


def test_batch_and_rate_together(zoo):
    code, out, _ = zoo("run", "simple_cnn", "digits", *TINY, "--batch-size", "auto", "--lr", "auto", "--name", "both")
    assert code == 0
    assert out.index("Batch size 64 by memory") < out.index("by a range test")
    assert out.count("decoding train images") == 1, "what was told is not told again"
    train = json.loads(Path("runs/both/result.json").read_text())["job"]["train"]
    assert isinstance(train["batch_size"], int)
    assert isinstance(train["lr"], float)
