"""Choice of the next pictures: uncertain and diverse ones, or typical ones where there is no model yet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo_label.head import Probs

__all__ = ["COLD", "choose_next", "choose_typical", "choose_uncertain", "margins"]

Rows = NDArray[np.int64]

COLD = 20
"""Number of labels up to which typical pictures are chosen: a model of fewer labels knows little of its errors."""
WIDTH = 10
"""Number of uncertain pictures of which one is chosen."""
_NEAREST = 20  # neighbours that a picture's typicality is measured by
_MOST = 4000  # pictures that are clustered without a model


def choose_next(
    probs: Probs | None, labels: int, features: NDArray[np.float32], candidates: Rows, count: int, seed: int = 0
) -> list[int]:
    """Choose the next pictures to label: typical ones up to 20 labels, then uncertain ones that differ.

    Args:
        probs: (N, K) predictions for the pool; None without a model.
        labels: number of labels that the model was fitted on.
        features: (N, D), standardised.
        candidates: indices of the pictures to choose from.
        count: number of pictures.
        seed: seed of the clusters.
    """
    if probs is None or labels < COLD:
        return choose_typical(features, candidates, count, seed + labels)
    return choose_uncertain(probs, features, candidates, count, seed + labels)


def margins(probs: Probs) -> NDArray[np.float32]:
    """Difference between the two largest probabilities of each picture, (N,); 0 is the most uncertain.

    Source: T. Scheffer et al., Active hidden Markov models for information extraction, IDA 2001.
    """
    two = np.partition(probs, -2, axis=1)[:, -2:]
    found: NDArray[np.float32] = two[:, 1] - two[:, 0]
    return found


def choose_uncertain(probs: Probs, features: NDArray[np.float32], candidates: Rows, count: int, seed: int) -> list[int]:
    """Choose pictures that are uncertain and differ from each other, the most uncertain first.

    The ten times as many most uncertain pictures are clustered by k-means, weighted by their uncertainty; the picture
    nearest to each centre is chosen.

    Source: F. Zhdanov, Diverse mini-batch active learning, 2019, arXiv:1901.05954.

    Args:
        probs: (N, K), of the pool.
        features: (N, D), standardised.
        candidates: indices of the pictures to choose from.
        count: number of pictures.
        seed: seed of k-means.
    """
    margin = margins(probs[candidates])
    order = np.argsort(margin, kind="stable")[: WIDTH * count]
    if len(order) <= count:
        return [int(row) for row in candidates[order]]
    chosen = _representatives(features[candidates[order]], 1 - margin[order], count, seed)
    return [int(candidates[order[place]]) for place in sorted(chosen)]


def choose_typical(features: NDArray[np.float32], candidates: Rows, count: int, seed: int) -> list[int]:
    """Choose typical pictures of as many clusters, the largest cluster first.

    The most typical picture of a cluster has the smallest mean distance to its 20 nearest neighbours there.

    Source: G. Hacohen et al., Active learning on a budget: opposite strategies suit high and low budgets, ICML 2022,
    arXiv:2202.02794.
    """
    from sklearn.cluster import KMeans

    if len(candidates) <= count:
        return [int(index) for index in candidates]
    generator = np.random.default_rng(seed)
    some = generator.permutation(candidates)[:_MOST]
    unit = _normalised(features[some])
    groups = KMeans(count, n_init=1, random_state=seed).fit_predict(unit)
    sizes = np.bincount(groups, minlength=count)
    found = []
    for group in np.argsort(-sizes, kind="stable"):
        inside = np.flatnonzero(groups == group)
        if len(inside):
            found.append(int(some[inside[_most_typical(unit[inside])]]))
    return found


def _most_typical(points: NDArray[np.float32]) -> int:
    """Index of the point with the smallest mean distance to its nearest neighbours."""
    squares = 2 - 2 * points @ points.T
    nearest = np.sort(np.sqrt(squares.clip(0)), axis=1)[:, 1 : _NEAREST + 1]
    return int(nearest.mean(axis=1).argmin()) if nearest.shape[1] else 0


def _representatives(points: NDArray[np.float32], weights: NDArray[np.float32], count: int, seed: int) -> list[int]:
    """The point nearest to the centre of each of ``count`` weighted clusters."""
    from sklearn.cluster import KMeans

    unit = _normalised(points)
    means = KMeans(count, n_init=1, random_state=seed).fit(unit, sample_weight=weights + 1e-6)
    distances = means.transform(unit)
    return sorted({int(column.argmin()) for column in distances.T})


def _normalised(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points of length 1."""
    found: NDArray[np.float32] = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-6)
    return found
