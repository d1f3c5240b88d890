"""Parts of ``zoo data check`` that limit memory and time where there are many images."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_data_check import check, labels, outliers
from zoo_data_check.labels import out_of_fold, reduced
from zoo_data_check.outliers import strangeness


@pytest.fixture
def points() -> np.ndarray:
    """300 points in 40 dimensions, most of whose variance is in 5."""
    draw = np.random.default_rng(0)
    return (draw.normal(size=(300, 5)) @ draw.normal(size=(5, 40)) + 0.1 * draw.normal(size=(300, 40))).astype(
        np.float32
    )


def test_features_are_reduced_the_same_in_blocks(points, monkeypatch):
    done: list[int] = []
    whole = reduced(points.__getitem__, 300, 0, done.append, most=5)
    monkeypatch.setattr(labels, "_BLOCK", 70)
    np.testing.assert_allclose(reduced(points.__getitem__, 300, 0, done.append, most=5), whole, atol=1e-4)
    assert done == [300, 70, 140, 210, 280, 300]
    assert whole.shape == (300, 5)
    assert whole.dtype == np.float32


def test_components_are_learned_from_a_sample(points, monkeypatch):
    monkeypatch.setattr(labels, "_SAMPLE", 200)
    asked: list[int] = []

    def features(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return points[rows]

    found = reduced(features, 300, 0, most=5)
    assert asked == [200, 300]
    whole = reduced(points.__getitem__, 300, 0, most=5)
    distances = [np.linalg.norm(each[:, None] - each, axis=2).ravel() for each in (found, whole)]
    assert np.corrcoef(*distances)[0, 1] > 0.99


def test_outliers_among_a_sample_are_those_among_all(points, monkeypatch):
    points[7] += 30
    every = strangeness(points, lambda done: None)
    monkeypatch.setattr(outliers, "NEIGHBOURS_AMONG", 150)
    some = strangeness(points, lambda done: None)
    assert every.argmax() == some.argmax() == 7
    assert np.corrcoef(every, some)[0, 1] > 0.8


def test_a_classifier_is_fitted_on_a_sample(points, monkeypatch):
    own = (points[:, 0] > 0).astype(np.int64)
    monkeypatch.setattr(labels, "_FITTED", 100)
    done: list[int] = []
    probs = out_of_fold(points, own, np.arange(300), 3, 0, done.append)
    assert done == [1, 2, 3]
    assert (probs.argmax(axis=1) == own).mean() > 0.9


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (8_192, []),
        (9_000, ["Of 9,000 images, near duplicates are found by an index, which may miss a few."]),
        (
            200_000,
            [
                "Of 200,000 images, near duplicates are found by an index, which may miss a few, and outliers by "
                "distances to 20,000 of them."
            ],
        ),
    ],
)
def test_what_is_approximate_is_said(count, told):
    assert check._scale_notices(count) == told
