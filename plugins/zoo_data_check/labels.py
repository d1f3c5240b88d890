"""Likely label errors, by comparing the labels with out-of-fold predictions of a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import fold_numbers

Floats = NDArray[np.float32]
Blocks = Callable[[NDArray[np.int64]], Floats]
"""Features (b, D) of the images at b rows."""
_MOST = 256  # maximum number of features per image
_SAMPLE = 20_000  # images from which the components of features are learned
_FITTED = 20_000  # images on which a classifier is fitted
_BLOCK = 4096  # images whose features are in memory at a time
_PENALTY = 0.01  # scikit-learn's C: with a larger one the classifier fits the label errors too
_ENOUGH = 30.0  # minimum of C times the number of images, as the classifier would underfit few images otherwise


class Suspicion(NamedTuple):
    """The assessment of n labels.

    Args:
        margin: (n,), -1 to 1: probability of the label minus that of the most probable other class, each relative to
            its class's mean self-confidence.
        looks_like: (n,), most probable other class.
        confident: bool (n,), True where confident learning assigns another class.
        accuracy: fraction of labels that equal the classifier's prediction.
        order: (n,), rows sorted by suspicion, the most suspicious first.
    """

    margin: Floats
    looks_like: NDArray[np.int64]
    confident: NDArray[np.bool_]
    accuracy: float
    order: NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """The assessment of a dataset's labels.

    Args:
        rows: (m,), rows of the judged images.
        suspicion: assessment of these m images, with ``classes`` as its classes; None where none was judged.
        classes: (K,), indices of the judged classes.
        why_not: reason why some or all images were not judged.
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
    """Out-of-fold class probabilities (n, K) of a logistic regression, fitted on at most 20,000 images.

    Args:
        features: (n, D), standardised.
        labels: (n,), class indices from 0, each with at least ``folds`` groups.
        groups: (n,), group numbers; a group, such as duplicates, stays in one fold to avoid leakage.
        folds: number of folds.
        seed: seed of the folds.
        progress: called with the number of finished folds.

    Returns:
        float32 (n, K).
    """
    from sklearn.linear_model import LogisticRegression

    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    count = int(labels.max()) + 1
    fold = fold_numbers(labels[first], folds, seed, [str(i) for i in range(count)])[member]
    probs, draw = np.zeros((len(labels), count), np.float32), np.random.default_rng(seed)
    for number in range(1, folds + 1):
        kept, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        kept = np.sort(draw.permutation(kept)[:_FITTED]) if len(kept) > _FITTED else kept
        strength = max(_PENALTY, _ENOUGH / len(kept))
        model = LogisticRegression(C=strength, max_iter=300).fit(features[kept], labels[kept])
        probs[np.ix_(held, model.classes_)] = model.predict_proba(features[held])
        progress(number)
    return probs


def reduced(
    features: Blocks, count: int, seed: int, progress: Callable[[int], None] = lambda done: None, most: int = _MOST
) -> Floats:
    """Standardise features of D numbers, and reduce them by PCA to at most ``most`` components.

    Mean, deviation and components are those of at most 20,000 images, and features are computed in blocks, since those
    of all images would fill the memory.

    Args:
        features: returns the features (b, D) of the images at b rows.
        count: n, number of images.
        seed: seed of the sample and of PCA.
        progress: called with the number of processed images.

    Returns:
        float32 (n, D), or (n, ``most``).
    """
    from sklearn.decomposition import PCA

    rows = np.sort(np.random.default_rng(seed).permutation(count)[:_SAMPLE]) if count > _SAMPLE else np.arange(count)
    sample = features(rows)
    mean, spread = sample.mean(0), sample.std(0)
    spread = np.where(spread > 1e-6, spread, 1)
    scaled = (sample - mean) / spread
    kept = min(most, *scaled.shape)
    model = PCA(kept, svd_solver="randomized", random_state=seed).fit(scaled) if kept < scaled.shape[1] else None
    found = np.empty((count, kept if model is not None else scaled.shape[1]), np.float32)
    for start in range(0, count, _BLOCK):
        own = np.arange(start, min(start + _BLOCK, count))
        block = scaled[own] if len(rows) == count else (features(own) - mean) / spread
        found[own] = block if model is None else model.transform(block)
        progress(int(own[-1]) + 1)
    return found


def suspicion(probs: Floats, labels: NDArray[np.int64]) -> Suspicion:
    """Find label errors by confident learning.

    An image is confidently of a class if its probability is at least the mean self-confidence of that class. If this is
    another class than its label's, the image is an off-diagonal entry of the confident joint, and likely mislabelled.
    Source: Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels",
    arXiv:1911.00068.

    Args:
        probs: (n, K), out-of-fold probabilities.
        labels: (n,), in which each of the K classes occurs.
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
