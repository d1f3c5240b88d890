"""Conformal prediction: the quantile of the definition, sets that keep their promise, and a plain word for too few."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from zoo.engine.conformal import (
    ConformalScores,
    conformal_quantile,
    coverage_numbers,
    fewest_for,
    nonconformity,
    prediction_sets,
    true_class_scores,
)
from zoo.errors import RequestError

PROBS = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]])


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities of 5 classes, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(5, 0.5), count)
    return probs, np.array([rng.choice(5, p=row) for row in probs])


@pytest.mark.parametrize(("count", "coverage", "rank"), [(19, 0.95, 19), (20, 0.95, 20), (99, 0.9, 90), (100, 0.9, 91)])
def test_the_quantile_is_the_score_of_its_rank(count: int, coverage: float, rank: int):
    scores = np.random.default_rng(0).permutation(np.arange(1, count + 1))
    assert conformal_quantile(scores, coverage) == rank


@pytest.mark.parametrize(
    ("coverage", "need"), [(0.5, 1), (0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999), (0.9999, 9999)]
)
def test_too_few_scores_are_refused_with_the_number_needed(coverage: float, need: int):
    assert fewest_for(coverage) == need
    conformal_quantile(np.zeros(need), coverage)
    with pytest.raises(RequestError, match=f"needs at least {need:,} calibration images, and there are {need - 1:,}"):
        conformal_quantile(np.zeros(need - 1), coverage)


def test_the_message_names_a_coverage_that_is_possible():
    with pytest.raises(RequestError, match=r"at most 0\.96,") as refused:
        conformal_quantile(np.zeros(30), 0.99)
    assert "99 calibration images" in str(refused.value)
    conformal_quantile(np.zeros(30), 0.96)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 95, -0.1, float("nan")])
def test_a_coverage_is_a_rate(coverage: float):
    with pytest.raises(RequestError, match="between 0 and 1"):
        conformal_quantile(np.zeros(50), coverage)


def test_the_scores_are_those_of_the_paper():
    assert np.allclose(nonconformity(PROBS), [[0.3, 0.8, 0.9], [0.9, 0.4, 0.7]])
    assert np.allclose(true_class_scores(PROBS, [1, 2]), [0.8, 0.7])


def test_a_set_is_never_empty():
    assert prediction_sets(PROBS, 0.1).tolist() == [[True, False, False], [False, True, False]]


@pytest.mark.parametrize("coverage", [0.9, 0.95])
def test_sets_keep_their_promise_on_new_images(coverage):
    probs, labels = drawn(500, seed=1)
    scores = ConformalScores.of(probs, labels)
    new, truth = drawn(4000, seed=2)

    found = coverage_numbers(prediction_sets(new, scores.quantile(coverage)), truth, list("abcde"), coverage)

    spread = np.sqrt(coverage * (1 - coverage) * (1 / 500 + 1 / 4000))
    assert coverage - 3 * spread < found["covered"] < coverage + 3 * spread


def test_the_coverage_of_many_calibrations_is_within_its_binomial_interval():
    """Each new image is covered with the promised probability, over calibrations: 1,000 of them, one image each."""
    hits = 0
    for seed in range(1000):
        probs, labels = drawn(40, seed)
        quantile = conformal_quantile(true_class_scores(probs[:39], labels[:39]), 0.9)
        hits += int(true_class_scores(probs[39:], labels[39:])[0] <= quantile)
    low, high = binom.interval(0.999, 1000, 0.9)
    assert low <= hits <= high


def test_a_model_keeps_a_thousand_scores_and_promises_no_less():
    probs, labels = drawn(5432, seed=3)
    kept = ConformalScores.of(probs, labels)

    assert len(kept.scores) == 1000
    assert kept.images == 5432
    for coverage in (0.5, 0.9, 0.95, 0.99):
        exact = conformal_quantile(true_class_scores(probs, labels), coverage)
        more = conformal_quantile(true_class_scores(probs, labels), min(0.999, coverage + 0.002))
        assert exact <= kept.quantile(coverage) <= more + 1e-6


def test_the_numbers_are_of_all_and_of_each_class():
    sets = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]], bool)
    found = coverage_numbers(sets, [0, 1, 2, 2], ["a", "b", "c"], 0.9)

    assert (found["images"], found["covered"], found["size"], found["single"]) == (4, 0.75, 1.25, 0.75)
    assert {name: each["covered"] for name, each in found["per_class"].items()} == {"a": 1, "b": 1, "c": 0.5}
    assert found["interval"][0] < 0.75 < found["interval"][1]
