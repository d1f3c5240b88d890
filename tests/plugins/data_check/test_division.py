"""Divisions into train, val and test: shares, classes and what stays together, for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo_data_check.division import PARTS, divide, divide_by_time, joined, strata_of, units_of
from zoo_data_check.times import parse_times

SHARES = (0.7, 0.15, 0.15)


def counts(parts, labels, classes: int) -> np.ndarray:
    """Images of each part and class, (3, K)."""
    found = np.zeros((len(PARTS), classes), int)
    np.add.at(found, (parts, labels), 1)
    return found


@st.composite
def pools(draw):
    """Labels, a group for each image, and a seed."""
    count = draw(st.integers(6, 80))
    labels = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    groups = draw(st.lists(st.integers(0, draw(st.integers(0, 100))), min_size=count, max_size=count))
    return np.array(labels), np.array(groups), draw(st.integers(0, 99))


@settings(max_examples=200, deadline=None)
@given(pools())
def test_groups_stay_together_and_classes_of_enough_groups_reach_train(pool):
    labels, groups, seed = pool
    units = units_of(labels, joined(len(labels), groups), 4)
    parts = divide(units, SHARES, seed)
    assert all(len(set(parts[groups == group])) == 1 for group in set(groups.tolist()))
    assert ((parts >= 0) & (parts < 3)).all()
    np.testing.assert_array_equal(parts, divide(units, SHARES, seed))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=300), st.integers(0, 99))
def test_single_images_are_divided_exactly(labels, seed):
    labels = np.array(labels)
    found = counts(divide(units_of(labels, np.arange(len(labels)), 5), SHARES, seed), labels, 5)
    total = found.sum(axis=0)
    assert (np.abs(found - np.array(SHARES)[:, None] * total) <= 1.001)[:, total >= 7].all()
    assert (found[:, total >= 3] >= 1).all()
    assert (found[[0, 2]][:, total == 2] == 1).all(), "train and test come first"
    assert (found[0][total == 1] == 1).all()


@pytest.mark.parametrize("shares", [(0.85, 0.15, 0), (0.8, 0, 0.2)])
def test_a_share_of_zero_gets_nothing(shares):
    labels = np.random.default_rng(0).integers(0, 3, 400)
    for unit in (np.arange(400), joined(400, np.arange(400) // 5)):
        found = counts(divide(units_of(labels, unit, 3), shares, 0), labels, 3)
        np.testing.assert_allclose(found / found.sum(axis=0), np.array(shares)[:, None] * np.ones(3), atol=0.03)
        assert found[shares.index(0)].sum() == 0


def test_groups_of_many_sizes_are_stratified():
    draw = np.random.default_rng(0)
    labels, groups = draw.integers(0, 10, 4000), draw.geometric(0.003, 4000)
    found = counts(divide(units_of(labels, joined(4000, groups), 10), SHARES, 0), labels, 10)
    np.testing.assert_allclose(found / found.sum(axis=0), np.array(SHARES)[:, None] * np.ones(10), atol=0.02)


def test_several_labels_and_none_are_stratified():
    labels = (np.random.default_rng(0).random((2000, 12)) < 0.1).astype(np.float32)
    parts = divide(units_of(labels, np.arange(2000), 12), SHARES, 0)
    shares = np.array([labels[parts == part].sum(axis=0) / labels.sum(axis=0) for part in range(3)])
    np.testing.assert_allclose(shares, np.array(SHARES)[:, None] * np.ones(12), atol=0.01)
    empty = ~labels.any(axis=1)
    np.testing.assert_allclose(np.bincount(parts[empty]) / empty.sum(), SHARES, atol=0.01)


def test_seeds_give_other_divisions():
    labels = np.arange(100) % 2
    units = units_of(labels, np.arange(100), 2)
    assert (divide(units, SHARES, 0) != divide(units, SHARES, 1)).any()


def test_groups_of_several_kinds_are_joined():
    assert joined(5, ["a", "a", "b", "c", "d"], [1, 2, 3, 3, 4]).tolist() == [0, 0, 1, 1, 2]
    assert joined(3).tolist() == [0, 1, 2]


def test_values_become_ten_strata():
    values = np.random.default_rng(0).normal(size=(100, 2))
    assert np.bincount(strata_of(values)).tolist() == [10] * 10
    assert strata_of(np.array([1, 2])).tolist() == [1, 2], "classes stay as they are"


# -- time ---------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(pools(), st.integers(1, 30))
def test_no_image_of_train_is_later_than_one_of_test(pool, moments):
    labels, groups, seed = pool
    times = np.random.default_rng(seed).integers(0, moments, len(labels)).astype(float)
    units = units_of(labels, joined(len(labels), groups), 4)
    latest = np.array([times[groups == group].max() for group in groups])
    if len(set(latest)) < 3:
        with pytest.raises(DataError, match="3 different times"):
            divide_by_time(times, units, SHARES)
        return
    parts = divide_by_time(times, units, SHARES)
    assert set(parts) == {0, 1, 2}
    assert latest[parts == 0].max() < latest[parts == 1].min()
    assert latest[parts == 1].max() < latest[parts == 2].min()


def test_the_cuts_are_nearest_to_the_shares():
    units = units_of(np.zeros(100, int), np.arange(100), 1)
    assert np.bincount(divide_by_time(np.arange(100.0), units, SHARES)).tolist() == [70, 15, 15]
    assert np.bincount(divide_by_time(np.arange(100.0), units, (0.8, 0, 0.2))).tolist() == [80, 0, 20]


@pytest.mark.parametrize(
    "texts",
    [
        ["2019", "2020.5", "2021"],
        ["20190131", "20190201", "20200101"],
        ["2019-01", "2019-02-03", "2019-02-03 10:15"],
        ["2019:01:31 08:00:00", "2019:01:31 08:00:01", "2020:01:01 00:00:00"],
        ["2019-01-31T08:00:00+02:00", "2019-01-31T07:00:00+00:00", "2019-01-31T07:00:00-01:00"],
    ],
)
def test_times_have_their_order(texts):
    found = parse_times(texts, ["a", "b", "c"], "taken")
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["2019-01-01", "soon"], "The taken of b.jpg is 'soon', which is not a date"),
        (["2019-01-01", ""], "The taken of b.jpg is blank"),
        (["2019-01-01", "2019.5"], "'2019.5', which is not a date"),
        (["2019-01-01T00:00Z", "2019-01-01"], "have a time zone and others have none .that of b.jpg."),
        (["nan", "1", "2"], "a.jpg is 'nan', which is not a number"),
    ],
)
def test_what_is_no_time_is_named(texts, told):
    with pytest.raises(DataError, match=told):
        parse_times(texts, ["a.jpg", "b.jpg", "c.jpg"][: len(texts)], "taken")
