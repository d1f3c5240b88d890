"""Split conformal prediction: sets of classes, and intervals, that contain the truth at a promised rate.

The promise holds on average over images like the calibration images, whatever the model, and not for each class.
Source: V. Vovk et al., Algorithmic learning in a random world (2005); A. Angelopoulos and S. Bates, A gentle
introduction to conformal prediction, 2021, arXiv:2107.07511.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoo.engine.scores import Numbers
from zoo.engine.statistics import wilson_interval
from zoo.errors import RequestError

__all__ = [
    "ConformalScores",
    "ScoreKind",
    "check_coverage",
    "conformal_quantile",
    "coverage_numbers",
    "fewest_for",
    "nonconformity",
    "prediction_sets",
    "rate_of",
    "thinned",
    "true_class_scores",
]

ScoreKind = Literal["lac"]
MOST = 1000
"""Scores that a model keeps; of more, every n-th, rounded up, which promises at most 0.1% more than was asked for."""


def fewest_for(coverage: float) -> int:
    """Smallest number of calibration images for a coverage in 0..1: 19 for 0.95, 99 for 0.99."""
    return max(1, math.ceil(coverage / (1 - coverage) * (1 - 1e-9)))


def conformal_quantile(scores: ArrayLike, coverage: float) -> float:
    """Find the ``ceil((n + 1) * coverage)``-th smallest of n calibration scores.

    If the images are exchangeable, the score of a new one is at most that with a probability of at least ``coverage``.

    Args:
        scores: (n,) nonconformity of calibration images, larger for worse predictions.
        coverage: promised rate, 0 < coverage < 1.

    Raises:
        RequestError: the coverage is not between 0 and 1, or needs more scores; the message says how many.
    """
    check_coverage(coverage)
    ordered = np.sort(np.asarray(scores, np.float64))
    if len(ordered) < (need := fewest_for(coverage)):
        raise RequestError(
            f"A coverage of {coverage:g} needs at least {need:,} calibration images, and there are {len(ordered):,}. "
            f"Ask for at most {_most_for(len(ordered)):g}, or calibrate on more images."
        )
    return float(ordered[math.ceil((len(ordered) + 1) * coverage - 1e-9) - 1])


def check_coverage(coverage: float) -> None:
    """Check that a coverage is a rate.

    Raises:
        RequestError: it isn't.
    """
    if not 0 < coverage < 1:
        raise RequestError(f"A coverage is a rate between 0 and 1, such as 0.95; not {coverage:g}.")


def _most_for(count: int) -> float:
    """Highest coverage in two decimals or more that ``count`` scores allow."""
    digits = max(2, math.ceil(math.log10(count + 1)))
    return float(math.floor(count / (count + 1) * 10**digits) / 10**digits)


def nonconformity(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Nonconformity of each class for each image, (N, K); lower for classes that fit.

    ``lac``: one minus the probability of the class, which gives the smallest sets.
    Source: M. Sadinle et al., Least ambiguous set-valued classifiers, JASA 2019, arXiv:1609.00451.

    Args:
        probabilities: (N, K), each row adds up to 1.
    """
    return np.asarray(1 - np.asarray(probabilities, np.float64))


def true_class_scores(probabilities: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """Nonconformity of the true class of each image, (N,): the scores to calibrate with.

    Args:
        probabilities: (N, K); targets: (N,) integer.
    """
    labels = np.asarray(targets, np.int64)
    return np.asarray(nonconformity(probabilities)[np.arange(len(labels)), labels])


def prediction_sets(probabilities: ArrayLike, quantile: float) -> NDArray[np.bool_]:
    """Classes whose nonconformity is at most the quantile, (N, K) bool; the most probable class is always one of them.

    Args:
        probabilities: (N, K); quantile: see :func:`conformal_quantile`.
    """
    probs = np.asarray(probabilities, np.float64)
    found: NDArray[np.bool_] = nonconformity(probs) <= quantile + 1e-12
    found[np.arange(len(probs)), probs.argmax(axis=1)] = True
    return found


@dataclass(frozen=True)
class ConformalScores:
    """Calibration scores of a model, as its bundle keeps them.

    Args:
        kind: see :func:`nonconformity`.
        images: number of calibration images.
        scores: at most a thousand of their scores, ascending.
    """

    kind: ScoreKind
    images: int
    scores: list[float]

    @classmethod
    def of(cls, probabilities: ArrayLike, targets: ArrayLike) -> ConformalScores:
        """Calibrate on images with their probabilities (N, K) and true classes (N,)."""
        ordered = np.sort(true_class_scores(probabilities, targets))
        upwards = [math.ceil(score * 1e7) / 1e7 for score in thinned(ordered).tolist()]  # so that the promise holds
        return cls("lac", len(ordered), upwards)

    def quantile(self, coverage: float) -> float:
        """See :func:`conformal_quantile`."""
        return conformal_quantile(self.scores, coverage)


def thinned(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep at most a thousand of ascending scores (n,), see :data:`MOST`."""
    count = len(ordered)
    return ordered if count <= MOST else ordered[np.ceil(np.arange(1, MOST + 1) * count / MOST).astype(int) - 1]


def coverage_numbers(sets: NDArray[np.bool_], targets: ArrayLike, classes: list[str], coverage: float) -> Numbers:
    """Verify sets against the true classes.

    Args:
        sets: (N, K) bool; targets: (N,) integer.
        classes: names of the K classes.
        coverage: promised rate.

    Returns:
        ``promised``, ``images``, ``covered`` (rate), ``interval`` (95%, Wilson), ``size`` (mean number of classes),
        ``single`` (rate of sets with one class), and ``per_class`` by name: ``images``, ``covered``, ``interval``.
    """
    labels = np.asarray(targets, np.int64)
    hit, sizes = sets[np.arange(len(labels)), labels], sets.sum(axis=1)
    return {
        "promised": coverage,
        **rate_of(hit),
        "size": float(sizes.mean()),
        "single": float((sizes == 1).mean()),
        "per_class": {name: rate_of(hit[labels == k]) for k, name in enumerate(classes) if (labels == k).any()},
    }


def rate_of(hit: NDArray[np.bool_]) -> Numbers:
    """Number of images, the rate of hits (n,), and its 95 % interval."""
    count, hits = len(hit), int(hit.sum())
    return {"images": count, "covered": hits / count, "interval": list(wilson_interval(hits, count))}
