"""Labels that are likely wrong: what a classifier says of images that it wasn't trained on, against what is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import fold_numbers

Floats = NDArray[np.float32]
_MOST = 256  # numbers an image that the classifier is given
_PENALTY = 0.01  # scikit-learn's C: with a larger one the classifier learns the wrong labels too
_ENOUGH = 30.0  # but C times the number of images is this at least: of few images it learned nothing otherwise


class Suspicion(NamedTuple):
    """How well each of n labels stands.

    Args:
        margin: (n,), -1 to 1: probability of the label less the likeliest other's, each beside its class's usual one.
        looks_like: (n,), the likeliest other class.
        confident: bool (n,), whether the image is surely of another class than its label's.
        accuracy: share of the labels that the classifier agrees with.
        order: (n,), rows, the most suspicious first.
    """

    margin: Floats
    looks_like: NDArray[np.int64]
    confident: NDArray[np.bool_]
    accuracy: float
    order: NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """What is thought of the labels.

    Args:
        rows: (m,), of the images that were judged.
        suspicion: of these m; its classes are ``classes``.
        classes: (K,), numbers of the classes that were judged.
        why_not: why some, or all, were not.
    """

    rows: NDArray[np.int64]
    suspicion: Suspicion | None
    classes: NDArray[np.int64]
    why_not: str = ""


def out_of_fold(
    features: Floats,
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    folds: int,
    seed: int,
    progress: Callable[[int], None],
) -> Floats:
    """Class probabilities of each image, by a logistic regression that was trained without its fold.

    Args:
        features: (n, D), of equal scale.
        labels: (n,), each class from 0 on, with ``folds`` groups of it at least.
        groups: (n,), numbers; images of one, such as duplicates, are in one fold: else one would give away the other.
        folds: how many.
        progress: told how many folds are through.

    Returns:
        (n, K).
    """
    from sklearn.linear_model import LogisticRegression

    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    count = int(labels.max()) + 1
    fold = fold_numbers(labels[first], folds, seed, [str(i) for i in range(count)])[member]
    probs = np.zeros((len(labels), count), np.float32)
    for number in range(1, folds + 1):
        kept, held = fold != number, fold == number
        strength = max(_PENALTY, _ENOUGH / int(kept.sum()))
        model = LogisticRegression(C=strength, max_iter=300).fit(features[kept], labels[kept])
        probs[np.ix_(held, model.classes_)] = model.predict_proba(features[held])
        progress(number)
    return probs


def reduced(features: Floats, seed: int, most: int = _MOST) -> Floats:
    """Features (n, D) of equal scale, in the directions in which they differ most: (n, at most ``most``)."""
    from sklearn.decomposition import PCA

    centred = features - features.mean(0)
    spread = centred.std(0)
    scaled = centred / np.where(spread > 1e-6, spread, 1)
    if (count := min(most, *scaled.shape)) < scaled.shape[1]:
        scaled = PCA(count, svd_solver="randomized", random_state=seed).fit_transform(scaled)
    return scaled.astype(np.float32)  # type: ignore[no-any-return]


def suspicion(probs: Floats, labels: NDArray[np.int64]) -> Suspicion:
    """Confident learning.

    An image is surely of a class if its probability is at least the mean of those that are labelled so. Where that is
    another class than its label's, it is counted in the confident joint, off its diagonal, and most likely mislabelled.
    Source: Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels",
    arXiv:1911.00068.

    Args:
        probs: (n, K), out of fold.
        labels: (n,), each of the K classes among them.
    """
    rows, count = np.arange(len(labels)), probs.shape[1]
    usual = np.array([probs[labels == k, k].mean() for k in range(count)], np.float32)
    reached = np.where(probs >= usual, probs, -1)
    surest = reached.argmax(1)
    confident = (reached.max(1) >= 0) & (surest != labels)
    beside = probs - usual
    others = beside.copy()
    others[rows, labels] = -np.inf
    looks_like = np.where(confident, surest, others.argmax(1))
    margin = (beside[rows, labels] - others.max(1)) / 2
    order = np.lexsort((margin, ~confident))
    return Suspicion(margin, looks_like, confident, float((probs.argmax(1) == labels).mean()), order)
