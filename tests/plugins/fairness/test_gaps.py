"""Gaps between groups: the interval covers, small groups are left out, and chance is a valid p-value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.engine.statistics import wilson_interval
from zoo_fairness.gaps import chance, compared_groups, gap_of


def numbers(right: int, images: int) -> dict[str, Any]:
    return {"accuracy": right / images, "intervals": {"accuracy": list(wilson_interval(right, images))}}


def test_the_published_example_of_two_proportions():
    """Newcombe 1998, table II, method 10: 56/70 against 48/80 has the difference 0.2, interval 0.0524 to 0.3339."""
    gap = gap_of({"a": numbers(56, 70), "b": numbers(48, 80)}, "accuracy", higher=True)
    assert gap is not None
    assert (gap.worst, gap.best, gap.difference) == ("b", "a", pytest.approx(0.2))
    assert gap.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_of_a_loss_the_worst_group_has_the_highest_value():
    groups = {
        "a": {"loss": 0.5, "intervals": {"loss": [0.4, 0.6]}},
        "b": {"loss": 0.9, "intervals": {"loss": [0.8, 1.0]}},
    }
    gap = gap_of(groups, "loss", higher=False)
    assert gap is not None
    assert (gap.worst, gap.best) == ("b", "a")
    assert gap.interval == pytest.approx((0.4 - np.hypot(0.1, 0.1), 0.4 + np.hypot(0.1, 0.1)))


def test_a_group_without_the_metric_or_an_interval():
    groups: dict[str, Any] = {"a": numbers(9, 10), "b": {"accuracy": 0.5}, "c": {"accuracy": float("nan")}, "d": {}}
    gap = gap_of(groups, "accuracy", higher=True)
    assert gap is not None
    assert (gap.worst, gap.best, gap.interval) == ("b", "a", None)
    assert gap_of({"a": numbers(9, 10), "d": {}}, "accuracy", higher=True) is None


def test_small_groups_are_compared_only_where_there_are_no_others():
    assert compared_groups({"a": 40, "b": 29, "c": 30}) == ["a", "c"]
    assert compared_groups({"a": 40, "b": 29, "c": 1}) == ["a", "b", "c"]


def test_the_interval_covers_the_gap_of_two_groups():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(2000):
        a, b = int(rng.binomial(60, 0.9)), int(rng.binomial(40, 0.75))
        gap = gap_of({"a": numbers(a, 60), "b": numbers(b, 40)}, "accuracy", higher=True)
        assert gap is not None
        assert gap.interval is not None
        low, high = gap.interval if gap.best == "a" else (-gap.interval[1], -gap.interval[0])
        covered += low <= 0.15 <= high
    assert 0.93 < covered / 2000 < 0.97


def test_chance_is_a_p_value_that_knows_of_the_choice_among_groups():
    rng, sizes = np.random.default_rng(0), [50] * 6
    values = [chance([int(rng.binomial(n, 0.8)) for n in sizes], sizes) for _ in range(300)]
    assert 0.01 < float(np.mean(np.array(values) < 0.05)) < 0.09
    assert chance([50, 30, 50, 50, 50, 50], sizes) < 0.001
    assert chance([50] * 6, sizes) == 1.0
