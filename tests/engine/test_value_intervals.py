"""Intervals of values: the promise over many draws, quantiles, and how a bundle keeps the scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.engine.regression import RegressionTask
from zoo.engine.value_intervals import ValueIntervals, calibrate_values, interval_numbers
from zoo.errors import RequestError

LINK = {"kind": "quantiles", "levels": [0.05, 0.5, 0.95]}


def drawn(seed: int, images: int = 400) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Values whose errors grow with the value, their targets, and quantiles that are too narrow by half."""
    made = torch.Generator().manual_seed(seed)
    values = 1 + 9 * torch.rand(images, 1, generator=made)
    targets = values + 0.2 * values * torch.randn(images, 1, generator=made)
    return values, targets, (values * (1 - 0.16), values * (1 + 0.16))


@pytest.mark.parametrize("quantiles", [False, True])
def test_the_promise_is_kept_on_average(quantiles: bool):
    found = []
    for seed in range(60):
        values, targets, ends = drawn(seed)
        known, new = slice(0, 100), slice(100, None)
        kept = ValueIntervals.of(values[known], targets[known], (ends[0][known], ends[1][known]) if quantiles else None)
        bounds = kept.bounds(values[new], 0.9, (ends[0][new], ends[1][new]) if quantiles else None)
        found.append(interval_numbers(bounds, targets[new], ["size"], 0.9)["covered"])
    assert np.mean(found) == pytest.approx(0.9 + 0.5 / 101, abs=0.012)


def test_quantiles_make_intervals_as_wide_as_the_errors_are():
    values, targets, ends = drawn(0)
    low, high = ValueIntervals.of(values, targets, ends).bounds(
        torch.tensor([[1.0], [10.0]]),
        0.9,
        (
            torch.tensor([[0.84], [8.4]]),
            torch.tensor([[1.16], [11.6]]),
        ),
    )
    assert (high - low)[1] > 2 * (high - low)[0]


def test_quantiles_that_are_too_wide_shrink_and_never_cross():
    values = torch.zeros(50, 1)
    kept = ValueIntervals.of(values, torch.full((50, 1), 0.1), (values - 9, values + 9))
    low, high = kept.bounds(torch.zeros(1, 1), 0.9, (torch.tensor([[-0.01]]), torch.tensor([[0.01]])))
    assert low == high == 0
    low, high = kept.bounds(torch.zeros(1, 1), 0.9, (torch.tensor([[-9.0]]), torch.tensor([[9.0]])))
    assert (float(low), float(high)) == pytest.approx((-0.1, 0.1), abs=1e-5)


@given(images=st.sampled_from([20, 999, 1000, 5001]), seed=st.integers(0, 20))
@settings(max_examples=10, deadline=None)
def test_a_bundle_keeps_a_thousand_scores_and_promises_no_less(images: int, seed: int):
    values, targets, _ = drawn(seed, images)
    task = RegressionTask([0.0], [1.0])
    kept = calibrate_values(values, targets, task)
    again = ValueIntervals(**json.loads(json.dumps(kept.card()["intervals"])))
    assert again.images == images
    assert len(again.scores[0]) == min(images, 1000)
    low, high = again.bounds(values, 0.9)
    assert interval_numbers((low, high), targets, ["size"], 0.9)["covered"] >= 0.9


def test_scores_of_quantiles_are_in_the_unit_of_the_data():
    task = RegressionTask([100.0], [10.0], LINK)
    outputs = torch.tensor([[-1.0, 0.0, 1.0]]).repeat(30, 1)
    kept = calibrate_values(outputs, torch.full((30, 1), 1.5), task)
    assert kept.kind == "quantiles"
    assert kept.scores[0] == pytest.approx([5.0] * 30)


def test_few_images_have_no_scores():
    assert calibrate_values(torch.zeros(19, 1), torch.zeros(19, 1), RegressionTask()) is None
    assert calibrate_values(torch.full((30, 1), torch.nan), torch.zeros(30, 1), RegressionTask()) is None


def test_a_coverage_that_needs_more_images_says_how_many():
    values, targets, _ = drawn(0, 30)
    with pytest.raises(RequestError, match="needs at least 99 calibration images, and there are 30"):
        ValueIntervals.of(values, targets).bounds(values, 0.99)
