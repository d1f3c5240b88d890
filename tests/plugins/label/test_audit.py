"""The estimates: accuracy on random pictures, and when predictions are stable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from zoo.api.compute import wilson_interval
from zoo_label.audit import WINDOW, Stability, audit_of, kappa, reserve
from zoo_label.journal import Event, LabelAnswer


def answer(label: str, guess: str, event: Event = "label", audit: bool = True) -> LabelAnswer:
    return LabelAnswer("a.jpg", label, event, "ann", "now", guess, audit)


def test_predictions_of_random_pictures_count():
    answers = [answer("cat", "cat")] * 8 + [answer("cat", "dog")] * 2 + [answer("cat", "dog", audit=False)] * 30
    answers += [answer("", "cat", "none"), answer("", "cat", "skip"), answer("cat", "")]
    found = audit_of(answers)
    assert found is not None
    assert (found.right, found.count) == (8, 10)
    assert (found.low, found.high) == wilson_interval(8, 10)
    assert audit_of([answer("cat", "cat", audit=False)]) is None


def test_the_latest_count_since_the_model_improves():
    found = audit_of([answer("cat", "dog")] * 50 + [answer("cat", "cat")] * WINDOW)
    assert found is not None
    assert (found.right, found.count) == (WINDOW, WINDOW)


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
