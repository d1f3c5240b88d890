"""Confidence intervals of proportions and paired tests, from counts alone: pure functions without numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

__all__ = ["CONFIDENCE", "holm", "macro_interval", "mcnemar", "paired_interval", "wilson_interval"]

CONFIDENCE = 0.95
"""Confidence level of all intervals."""


def wilson_interval(correct: float, total: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson score interval of a proportion, without continuity correction.

    Unlike the textbook ``p ± z·sqrt(p(1-p)/n)`` it keeps its coverage for few images and near 0 and 1.
    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Args:
        correct: number of correct images, 0..total.
        total: number of images, at least 1; fractional for weighted images.
        confidence: confidence level in (0, 1).

    Raises:
        ValueError: ``total`` or ``correct`` is out of range.
    """
    if total < 1 or not 0 <= correct <= total:
        raise ValueError(f"{correct} right of {total} is invalid: total must be at least 1, and correct in 0..total")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, weight = correct / total, z * z / total
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return (max(0.0, centre - half) if correct else 0.0), (min(1.0, centre + half) if correct < total else 1.0)


def macro_interval(share: float, class_counts: Sequence[int], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson score interval of a macro average, a mean of proportions with equal weight for each class.

    The effective sample size has the same standard error with equal weights: for classes of n_1 … n_K images it is
    ``K² / (1/n_1 + … + 1/n_K)``, all images for classes of equal size, and few where one class is small.
    Source of the effective size: L. Kish, Survey Sampling (1965), section 11.7.

    Args:
        share: the macro average, 0..1.
        class_counts: number of images of each class; empty classes are left out.
    """
    counts = [count for count in class_counts if count]
    effective = len(counts) ** 2 / sum(1 / count for count in counts)
    return wilson_interval(share * effective, effective, confidence)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of McNemar's test that two models are correct equally often on the same images.

    Only images that exactly one model gets right carry information; under the null hypothesis either model is the right
    one with probability 1/2. The binomial distribution holds for few images too; the test is conservative.
    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947); for classifiers T. G. Dietterich, Approximate statistical tests, Neural Computation 10 (1998).

    Args:
        only_first, only_second: number of images that only the first or only the second model gets right.

    Returns:
        p-value in 0..1; 1 where the models never differ.
    """
    few, total = min(only_first, only_second), only_first + only_second
    log_half, log_all = total * math.log(2), math.lgamma(total + 1)
    tail = sum(
        math.exp(log_all - math.lgamma(k + 1) - math.lgamma(total - k + 1) - log_half) for k in range(few, -1, -1)
    )
    return min(1.0, 2 * tail)


def paired_interval(
    only_first: int, only_second: int, total: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Confidence interval of the difference in accuracy of two models, second minus first, on the same images.

    Wald's interval with half an image added to each of the four cells, which keeps its coverage for few differences.
    Source: A. Agresti, Y. Min, Simple improved confidence intervals for comparing matched proportions, Statistics in
    Medicine 24 (2005).

    Args:
        only_first, only_second: number of images that only the first or only the second model gets right.
        total: number of images, at least 1.
    """
    first, second, images = only_first + 0.5, only_second + 0.5, total + 2
    difference = (second - first) / images
    spread = math.sqrt(max(0.0, first + second - (second - first) ** 2 / images)) / images
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * spread
    return max(-1.0, difference - half), min(1.0, difference + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of several tests by Holm's method, which controls the family-wise error rate.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979).

    Returns:
        Adjusted p-values in 0..1, in the given order; a single one is unchanged.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
