"""Intervals of shares and paired tests, against scipy and by counting how often they keep their promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from zoo.engine.statistics import holm, macro_interval, mcnemar, paired_interval, wilson_interval


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (1, 7), (12, 12), (30, 55), (400, 520), (0, 40)])
def test_mcnemar_is_the_exact_binomial_test(first, second):
    wanted = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(wanted, rel=1e-9)
    assert mcnemar(second, first) == mcnemar(first, second)


def test_mcnemar_of_very_many_images_is_still_a_number():
    assert mcnemar(30_000, 30_000) == pytest.approx(1.0)
    assert 0 <= mcnemar(29_000, 31_000) < 1e-12


@pytest.mark.parametrize("right", [0, 3, 91, 100])
def test_wilsons_interval_is_scipys(right):
    found = binomtest(right, 100).proportion_ci(0.95, "wilson")
    assert wilson_interval(right, 100) == pytest.approx((found.low, found.high), abs=1e-12)


def test_the_paired_interval_holds_the_difference_as_often_as_it_says():
    rng, inside, tries = np.random.default_rng(1), 0, 2000
    shares = np.array([0.04, 0.08, 0.88])  # right only by the first, only by the second, by both or neither
    for only_first, only_second, _ in rng.multinomial(300, shares, size=tries):
        low, high = paired_interval(int(only_first), int(only_second), 300)
        inside += low <= 0.04 <= high
    assert 0.94 <= inside / tries <= 0.975


def test_the_paired_interval_has_the_sign_of_the_second_and_a_width_where_none_differ():
    assert paired_interval(0, 60, 1000)[0] > 0 > paired_interval(60, 0, 1000)[1]
    low, high = paired_interval(0, 0, 50)
    assert low < 0 < high
    assert -low == pytest.approx(high)


def test_holm_enlarges_the_smallest_most_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []
    assert max(holm([0.9, 0.8, 0.7])) == 1.0


def test_an_interval_of_a_mean_of_classes_is_wilsons_of_as_many_images_as_count():
    assert macro_interval(1.0, [50, 50]) == pytest.approx(wilson_interval(100, 100))
    assert macro_interval(0.0, [0, 40]) == pytest.approx(wilson_interval(0, 40))
    few = 4 / (1 / 10 + 1 / 990)
    assert macro_interval(1.0, [10, 990]) == pytest.approx(wilson_interval(few, few))


def test_of_perfect_answers_the_interval_of_a_mean_of_classes_is_seldom_too_narrow():
    """Recalls whose mean lies just below the interval give perfect answers no more often than it says."""
    for counts in ([100, 100], [20, 400], [5, 50, 500]):
        low, _ = macro_interval(1.0, counts)
        error = len(counts) * (1 - low)  # all of it in one class, where it is seen most and where it is seen least
        chances = [(1 - error) ** count for count in counts if error < 1]
        evenly = math.prod(low**count for count in counts)
        assert evenly < 0.05
        assert min(chances, default=0) < 0.05
