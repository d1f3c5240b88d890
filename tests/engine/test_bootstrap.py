"""Resamples: of kinds of images as of images one by one, fast, and without touching anyone's random state."""

from __future__ import annotations

import random
from time import process_time

import numpy as np
import pytest
import torch

from zoo.engine.bootstrap import (
    f1_macro,
    group_identical,
    mean_draws,
    percentiles,
    resampled_counts,
    try_draws,
    two_sided,
)
from zoo.engine.scores import confusion_matrix, scores


def answers(images: int, classes: int, share: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.integers(0, classes, images)
    return true, np.where(rng.random(images) < share, true, rng.integers(0, classes, images))


def wanted_f1(true: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    matrix = confusion_matrix(torch.from_numpy(true), torch.from_numpy(predicted), classes)
    return scores(matrix, [str(i) for i in range(classes)])["f1_macro"]


@pytest.mark.parametrize(("images", "classes"), [(200, 2), (1000, 10), (60, 40)])
def test_f1_of_counts_is_the_f1_of_a_result(images, classes):
    true, predicted = answers(images, classes)
    (kinds, given), counts = group_identical(true, predicted)
    assert counts.sum() == images
    assert f1_macro(counts[None], kinds, given)[0] == pytest.approx(wanted_f1(true, predicted, classes))


def test_kinds_scatter_as_images_do():
    true, predicted = answers(400, 4)
    (kinds, given), counts = group_identical(true, predicted)
    fast = np.concatenate([f1_macro(c, kinds, given) for c in resampled_counts(counts)])
    slow = try_draws(lambda chosen: wanted_f1(true[chosen], predicted[chosen], 4), 400, 600)
    assert fast.std() == pytest.approx(slow.std(), rel=0.12)
    assert percentiles(fast) == pytest.approx(percentiles(slow), abs=0.01)


def test_two_thousand_resamples_of_a_thousand_images_take_a_moment():
    true, predicted = answers(1000, 10)
    started = process_time()
    (kinds, given), counts = group_identical(true, predicted)
    draws = np.concatenate([f1_macro(c, kinds, given) for c in resampled_counts(counts)])
    assert len(draws) == 2000
    assert process_time() - started < 0.5


def test_no_global_random_state_is_used_and_each_time_is_the_same():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    values = np.arange(50.0)
    assert (mean_draws(values) == mean_draws(values)).all()
    try_draws(lambda chosen: 1.0, 10)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_a_bootstrapped_mean_has_the_standard_error_of_the_mean():
    values = np.random.default_rng(0).normal(3, 2, 5000)
    assert mean_draws(values).std() == pytest.approx(2 / 5000**0.5, rel=0.05)


def test_what_gives_no_number_has_no_interval():
    def fails(chosen: object) -> float:
        raise ValueError("no")

    assert percentiles(try_draws(fails, 10)) is None
    assert percentiles(np.array([1.0, np.nan, np.nan])) is None
    assert percentiles(np.array([1.0, 2.0, np.nan])) == pytest.approx([1.025, 1.975])
    assert two_sided(np.array([np.nan])) == 1.0


def test_a_p_value_is_small_where_all_resamples_agree_and_never_nothing():
    assert two_sided(np.ones(1999)) == pytest.approx(0.001)
    assert two_sided(np.array([-1.0, 1.0])) == 1.0
