"""The choice of the next pictures, and the head that it follows."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_label.choice import COLD, choose_next, choose_typical, choose_uncertain, margins
from zoo_label.head import BaseLogits, fit_head, standardised


def blobs(sizes: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around as many centres, (N, 8) float32, and the number of each point's centre."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, 4, (len(sizes), 8))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return (centres[groups] + generator.normal(0, 1, (len(groups), 8))).astype(np.float32), groups


def test_the_margin_is_the_distance_of_the_two_largest():
    found = margins(np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.4, 0.2, 0.4]], np.float32))
    np.testing.assert_allclose(found, [0.2, 0.7, 0.0], atol=1e-6)


def test_typical_pictures_are_of_different_clusters_the_largest_first():
    points, groups = blobs((60, 40, 20))
    chosen = choose_typical(points, np.arange(120), 3, seed=0)
    assert groups[chosen].tolist() == [0, 1, 2]
    centre = points[groups == 0].mean(axis=0)
    nearness = np.linalg.norm(points[groups == 0] - centre, axis=1)
    assert np.linalg.norm(points[chosen[0]] - centre) < np.median(nearness)


def test_uncertain_pictures_are_chosen_and_differ():
    points, groups = blobs((50, 50, 50, 50))
    probs = np.full((200, 2), 0.5, np.float32)
    probs[groups < 2] = (0.9, 0.1)
    chosen = choose_uncertain(probs, points, np.arange(200), 2, seed=0)
    assert sorted(groups[chosen].tolist()) in ([2, 2], [2, 3], [3, 3])
    spread = choose_uncertain(probs, points, np.arange(200), 10, seed=0)
    assert {2, 3} <= set(groups[spread].tolist()), "both kinds that the model is uncertain of"


@given(st.integers(0, 60), st.integers(1, 12), st.integers(0, 40), st.integers(0, 3))
def test_only_candidates_are_chosen_and_each_once(size: int, count: int, labels: int, seed: int):
    points, _ = blobs((30, 30))
    candidates = np.random.default_rng(seed).permutation(60)[:size]
    probs = np.random.default_rng(seed).dirichlet((1, 1), 60).astype(np.float32)
    chosen = choose_next(probs if labels else None, labels, points, candidates, count, seed)
    assert len(chosen) == len(set(chosen)) <= count
    assert set(chosen) <= set(candidates.tolist())
    assert bool(chosen) == bool(size)


def test_uncertainty_waits_for_some_labels():
    points, _ = blobs((30, 30))
    probs = np.full((60, 2), (0.9, 0.1), np.float32)
    probs[7] = 0.5
    assert choose_next(probs, COLD - 1, points, np.arange(60), 1) != [7]
    assert choose_next(probs, COLD, points, np.arange(60), 1)[0] in np.argsort(margins(probs), kind="stable")[:10]


def test_a_head_agrees_with_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    points, groups = blobs((30, 30, 30), seed=2)
    features = standardised(points)
    rows = list(range(0, 90, 3))
    probs = fit_head(features, {row: int(groups[row]) for row in rows}, 3)
    known = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(features[rows], groups[rows])
    np.testing.assert_allclose(probs, known.predict_proba(features), atol=2e-3)


def test_a_head_corrects_a_trained_model():
    """Without labels the model's own answers hold; labels that contradict it win."""
    points, groups = blobs((40, 40), seed=1)
    logits = np.where(groups[:, None] == 0, (3.0, 0.0), (0.0, 3.0)).astype(np.float32)
    fixed = BaseLogits(("cat", "dog"), logits).of(("dog", "cat"))
    assert fixed is not None
    alone = fit_head(standardised(points), {}, 2, fixed)
    assert (alone.argmax(axis=1) == 1 - groups).all()
    opposite = {row: int(groups[row]) for row in range(0, 80, 2)}
    assert (fit_head(standardised(points), opposite, 2, fixed).argmax(axis=1) == groups).all()
    assert BaseLogits(("cat", "dog"), logits).of(("cat", "bird")) is None


def test_a_pool_without_a_readable_picture_has_no_features():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert standardised(np.zeros((0, 5), np.float32)).shape == (0, 5)


def test_features_have_unit_variance():
    found = standardised(np.array([[1, 5, 2], [3, 5, 8]], np.float32))
    np.testing.assert_allclose(found, [[-1, 0, -1], [1, 0, 1]])


@pytest.mark.parametrize("shift", [0, 9])
def test_plain_features_do_not_depend_on_the_batch(shift: int):
    from zoo_label.features import plain

    pixels = np.random.default_rng(0).integers(0, 255, (10, 64, 64, 3)).astype(np.uint8)
    whole = plain(pixels)
    assert whole.shape == (10, 624)
    np.testing.assert_allclose(plain(pixels[shift : shift + 1]), whole[shift : shift + 1], atol=1e-6)
