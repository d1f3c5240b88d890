"""Classes of unequal size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from zoo.engine.class_weights import class_weights
from zoo_samplers.samplers import balanced_order

COUNTS = st.lists(st.integers(1, 500), min_size=2, max_size=8)


@given(COUNTS)
def test_balanced_weights_are_scikit_learns_up_to_a_factor(counts: list[int]):
    labels = np.repeat(np.arange(len(counts)), counts)
    theirs = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    mine = np.array(class_weights(counts, "balanced"))
    np.testing.assert_allclose(mine / mine.sum(), theirs / theirs.sum())
    assert mine.mean() == pytest.approx(1)


@given(COUNTS)
def test_effective_weights_are_milder_and_in_the_same_order(counts: list[int]):
    balanced, effective = class_weights(counts, "balanced"), class_weights(counts, "effective")
    assert max(effective) / min(effective) <= max(balanced) / min(balanced) * (1 + 1e-9)
    assert sum(effective) == pytest.approx(len(counts))
    order = np.argsort(counts, kind="stable")
    assert np.all(np.diff(np.array(effective)[order]) <= 1e-9)


def test_effective_weights_are_the_papers():
    """(1 - b) / (1 - b^n) with b = 1 - 1 / N, worked out by hand for 1 and 3 images."""
    small, large = class_weights([1, 3], "effective")
    beta = 0.75
    assert small / large == pytest.approx((1 - beta**3) / (1 - beta))


def test_an_unknown_rule_is_told():
    with pytest.raises(ValueError, match="balanced, effective"):
        class_weights([1, 2], "none")


@given(COUNTS, st.integers(0, 3), st.integers(1, 3))
def test_a_balanced_order_shows_each_class_equally_often(counts: list[int], seed: int, epoch: int):
    labels = np.repeat(np.arange(len(counts)), counts)
    order = balanced_order(labels, seed, epoch)
    assert len(order) == len(labels)
    shown = np.bincount(labels[order], minlength=len(counts))
    assert shown.max() - shown.min() <= 1
    for label in range(len(counts)):
        often = np.bincount(order[labels[order] == label], minlength=len(labels))[labels == label]
        assert often.max() - often.min() <= 1, "no image is shown again before all of its class were"
    assert np.array_equal(order, balanced_order(labels, seed, epoch))


def test_a_balanced_order_differs_from_epoch_to_epoch():
    labels = np.repeat([0, 1], [50, 10])
    assert not np.array_equal(balanced_order(labels, 0, 1), balanced_order(labels, 0, 2))
