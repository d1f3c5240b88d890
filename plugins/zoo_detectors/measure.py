"""How well a score separates foreign images from known ones: AUROC, FPR95, and their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from zoo.api.compute import wilson_interval

__all__ = ["ImageRate", "Separation", "area", "area_interval", "rate_of", "separation"]

Scores = NDArray[np.float32]
_KEPT = 0.95
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class ImageRate:
    """A fraction of images with its 95% confidence interval."""

    images: int
    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Separation:
    """Separation of foreign images from known ones.

    Args:
        images: number of foreign images.
        auroc: probability that a foreign image has a higher score than a known one.
        auroc_interval: its 95% confidence interval.
        fpr95: fraction of the foreign images that pass for known, where 95% of the known images do.
        fpr95_interval: its 95% confidence interval, for that threshold.
    """

    images: int
    auroc: float
    auroc_interval: tuple[float, float]
    fpr95: float
    fpr95_interval: tuple[float, float]


def separation(known: Scores, foreign: Scores) -> Separation:
    """Measure the scores of known images (M,) and foreign ones (N,), higher for foreign."""
    found = area(known, foreign)
    limit = np.sort(known)[math.ceil(_KEPT * len(known)) - 1]
    passed = rate_of(foreign <= limit)
    interval = area_interval(found, len(known), len(foreign))
    return Separation(len(foreign), found, interval, passed.value, passed.interval)


def rate_of(hits: NDArray[np.bool_]) -> ImageRate:
    """Fraction of True."""
    count, total = int(hits.sum()), len(hits)
    return ImageRate(total, count / total, wilson_interval(count, total))


def area(known: Scores, foreign: Scores) -> float:
    """Area under the ROC curve: the Mann-Whitney statistic, in which ties count one half."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([known, foreign]))[len(known) :]
    count = len(foreign)
    return float((ranks.sum() - count * (count + 1) / 2) / (len(known) * count))


def area_interval(found: float, known: int, foreign: int) -> tuple[float, float]:
    """95% confidence interval of an area under the ROC curve, which like Wilson's keeps its meaning near 0 and 1.

    Source: R. Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2,
    Statistics in Medicine 25 (2006), method 5.

    Args:
        found: the area.
        known, foreign: number of images.
    """

    def excess(area: float) -> float:
        """Positive where the area lies outside of the interval."""
        more = ((known + foreign) / 2 - 1) * ((1 - area) / (2 - area) + area / (1 + area))
        return (found - area) ** 2 - _Z**2 * area * (1 - area) * (1 + more) / (known * foreign)

    return _end(excess, found, 0.0), _end(excess, found, 1.0)


def _end(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """End of an interval, by bisection between a value inside and 0 or 1."""
    if inside == outside:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if excess(middle) > 0 else (middle, outside)
    return (inside + outside) / 2
