"""Thresholds for "not sure": what was asked for holds, and no more is refused than must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import RequestError
from zoo.evaluation.thresholds import NEVER, by_costs, by_precision, by_recall
from zoo.runner.predictions import Predictions
from zoo_threshold.figures import measure

CLASSES = ["cat", "dog"]


def answers(rows: list[tuple[float, int, int]]) -> Predictions:
    """From (confidence above a half, class that is given, class that it is)."""
    sure, given_class, real = (np.array(column) for column in zip(*rows, strict=True))
    margin = np.log(sure / (1 - sure))
    logits = np.zeros((len(rows), 2), np.float32)
    logits[np.arange(len(rows)), given_class] = margin
    return Predictions([str(i) for i in range(len(rows))], CLASSES, real, given_class, logits)


TEN = answers(
    [
        *((0.99, 0, 0), (0.97, 1, 1), (0.95, 0, 0), (0.9, 1, 1), (0.88, 0, 1)),
        *((0.8, 1, 1), (0.75, 0, 0), (0.7, 1, 0), (0.6, 0, 1), (0.55, 1, 0)),
    ]
)


def test_a_precision_is_reached_with_as_many_answers_as_possible():
    below = by_precision(TEN, 0.8)
    assert 0.7 < below < 0.75
    found = measure(TEN, below)
    assert (found.answered, found.precision) == (7, pytest.approx(6 / 7))
    assert found.accuracy == 0.6
    low, high = found.interval
    assert low < 6 / 7 < high


def test_a_recall_is_kept_with_as_high_a_threshold_as_possible():
    below = by_recall(TEN, 0.4)
    assert 0.88 < below < 0.9
    assert measure(TEN, below).answered == 4


@pytest.mark.parametrize("choose", [by_precision, by_recall])
def test_what_cannot_be_reached_is_refused(choose):
    wrong = answers([(0.9, 0, 1), (0.8, 1, 1), (0.7, 0, 1)])
    with pytest.raises(RequestError, match=r"33\.3% of all images are right"):
        choose(wrong, 0.9)


@given(
    st.lists(st.tuples(st.sampled_from([0.55, 0.6, 0.7, 0.9, 0.99]), st.integers(0, 1), st.integers(0, 1)), min_size=1),
    st.floats(0, 1),
)
@settings(max_examples=200, deadline=None)
def test_what_was_asked_for_holds_also_where_many_are_equally_sure(rows, wanted):
    kept = answers(rows)
    try:
        below = by_precision(kept, wanted)
    except RequestError:
        assert all(
            measure(kept, t).precision < wanted for t in (0.0, 0.58, 0.65, 0.8, 0.95) if measure(kept, t).answered
        )
        return
    assert measure(kept, below).precision >= wanted


def test_each_class_has_its_own():
    below = by_precision(TEN, 0.75, per_class=True)
    assert isinstance(below, dict)
    found = measure(TEN, below).per_class
    assert all(figures.precision >= 0.75 for figures in found.values())
    assert below["cat"] != below["dog"]
    recalls = by_recall(TEN, 0.6, per_class=True)
    assert all(figures.recall >= 0.6 for figures in measure(TEN, recalls).per_class.values())


def test_a_class_that_cannot_reach_it_is_never_given():
    kept = answers([(0.9, 0, 1), (0.8, 0, 1), (0.9, 1, 1)])
    below = by_precision(kept, 1.0, per_class=True)
    assert below == {"cat": NEVER, "dog": 0.0}
    assert measure(kept, below).answered == 1


def test_equal_costs_are_chows_rule():
    """Of honest probabilities: answer where a mistake's cost times its probability is below the cost of no answer."""
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 20_000)
    given_class = rng.integers(0, 2, 20_000)
    real = np.where(rng.random(20_000) < sure, given_class, 1 - given_class)
    kept = answers(list(zip(sure, given_class, real, strict=True)))
    costs = np.array([[0.0, 5.0, 1.0], [5.0, 0.0, 1.0]])
    assert list(by_costs(kept, costs).values()) == pytest.approx([0.8, 0.8], abs=0.04)
    costs[1, 0] = 50.0  # a dog taken for a cat
    below = by_costs(kept, costs)
    assert below["cat"] > 0.95
    assert below["dog"] == pytest.approx(0.8, abs=0.04)
