"""The estimates: accuracy on random pictures, and when predictions are stable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from zoo.api.compute import wilson_interval
from zoo_label.audit import WINDOW, Stability, audit_of, kappa, reserve
from zoo_label.head import standardised


def two_groups(count: int, noise: float = 1.0) -> tuple[np.ndarray, dict[int, int]]:
    """Features (count, 6) of two classes, and their labels."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, count)
    features = generator.normal(0, noise, (count, 6)) + labels[:, None]
    return standardised(features.astype(np.float32)), {row: int(label) for row, label in enumerate(labels)}


def test_audited_pictures_are_predicted_by_models_fitted_without_them():
    """Labels that no model can predict are right half of the time, although the head could learn each by heart."""
    random = {row: int(label) for row, label in enumerate(np.random.default_rng(1).integers(0, 2, 120))}
    found = audit_of(np.random.default_rng(2).normal(size=(120, 300)).astype(np.float32), random, range(100), 2)
    assert found is not None
    assert found.count == 100
    assert 30 <= found.right <= 70
    assert (found.low, found.high) == wilson_interval(found.right, 100)
    easy = audit_of(two_groups(120, noise=0.2)[0], two_groups(120)[1], range(100), 2)
    assert easy is not None
    assert easy.right > 95


def test_the_latest_hundred_count_and_fewer_than_five_do_not():
    features, labels = two_groups(150)
    found = audit_of(features, labels, range(WINDOW + 30), 2)
    assert found is not None
    assert found.count == WINDOW
    assert audit_of(features, labels, range(4), 2) is None


def test_a_trained_model_takes_part():
    features, labels = two_groups(40)
    logits = np.zeros((40, 2), np.float32)
    logits[np.arange(40), list(labels.values())] = 20
    found = audit_of(np.zeros_like(features), labels, range(20), 2, logits)
    assert found is not None
    assert found.right == 20


@given(st.integers(0, 300), st.floats(0, 0.5), st.integers(0, 5))
def test_the_reserve_is_a_part_that_further_pictures_do_not_change(count: int, fraction: float, seed: int):
    names = [f"{number}.jpg" for number in range(count)]
    drawn = reserve(names, fraction, seed)
    assert len(drawn) == len(set(drawn))
    assert set(drawn) <= set(range(count))
    more = reserve([*names, "another.jpg"], fraction, seed)
    assert [index for index in more if index < count] == drawn


def test_an_estimate_on_the_reserve_is_right_however_the_others_are_chosen():
    """A model that is right on 80% of the pool is right on 80% of the reserve."""
    right = np.random.default_rng(0).random(10_000) < 0.8
    drawn = [reserve([f"photos/{number}.jpg" for number in range(10_000)], 0.05, seed) for seed in range(20)]
    assert abs(np.mean([right[each].mean() for each in drawn]) - right.mean()) < 0.01
    assert abs(np.mean([len(each) for each in drawn]) - 500) < 20


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=40))
def test_kappa_agrees_with_scikit_learn(pairs: list[tuple[int, int]]):
    first, second = (np.array(each) for each in zip(*pairs, strict=True))
    expected = 1.0 if (first == second).all() else cohen_kappa_score(first, second, labels=[0, 1, 2])
    assert kappa(first, second, 3) == pytest.approx(expected)


def test_predictions_are_stable_after_three_equal_models():
    stability, predicted = Stability(), np.arange(100) % 2
    for labels in (10, 20, 30):
        stability.add(labels, ["a", "b"], predicted)
        assert not stability.reached
    stability.add(35, ["a", "b"], 1 - predicted)
    assert not stability.reached, "five labels later is too early to compare"
    stability.add(40, ["a", "b"], predicted)
    assert stability.reached
    stability.add(50, ["a", "b"], 1 - predicted)
    assert not stability.reached
    stability.add(60, ["a", "b", "c"], predicted)
    stability.add(70, ["a", "b", "c"], predicted)
    assert not stability.reached, "a new class begins again"
