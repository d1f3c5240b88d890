"""What chance leaves open, from counts alone: an interval of a share, paired tests. Pure functions, no numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

__all__ = ["CONFIDENCE", "holm", "macro_interval", "mcnemar", "paired_interval", "wilson_interval"]

CONFIDENCE = 0.95
"""How often an interval holds the true value."""


def wilson_interval(correct: float, total: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The Wilson score interval of a share, without continuity correction.

    Unlike the textbook ``p ± z·sqrt(p(1-p)/n)`` it keeps its promise for few images and near 0 and 1.
    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Args:
        correct: how many were right, 0..total.
        total: how many there were, at least 1; a fraction where they don't all count alike.
        confidence: how often the interval holds the true share, in (0, 1).

    Raises:
        ValueError: ``total`` or ``correct`` is out of range.
    """
    if total < 1 or not 0 <= correct <= total:
        raise ValueError(f"{correct} right of {total} is no share: total must be 1 or more, correct from 0 to total")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, weight = correct / total, z * z / total
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return (max(0.0, centre - half) if correct else 0.0), (min(1.0, centre + half) if correct < total else 1.0)


def macro_interval(share: float, class_counts: Sequence[int], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a mean of shares of classes, which count alike however many images each has.

    It is that of as many images as have the same standard error where all count alike: with classes of n_1 … n_K images
    ``K² / (1/n_1 + … + 1/n_K)``, which are all of them where the classes are of one size, and few where one is small.
    Source of the effective size: L. Kish, Survey Sampling (1965), section 11.7.

    Args:
        share: the mean, 0..1.
        class_counts: images of each class; those without any are left out.
    """
    counts = [count for count in class_counts if count]
    effective = len(counts) ** 2 / sum(1 / count for count in counts)
    return wilson_interval(share * effective, effective, confidence)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact p-value of McNemar's test: that two models, asked about the same images, are right equally often.

    Images that both get right, or both wrong, say nothing of which is better; of the others each is as a coin's throw
    if they are equally good. Two-sided, by the binomial distribution, so it holds for few images too; it calls a
    difference where there is none less often than the 5 % that one allows it.
    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947); for classifiers T. G. Dietterich, Approximate statistical tests, Neural Computation 10 (1998).

    Args:
        only_first, only_second: how many images only one of them gets right.

    Returns:
        In 0..1; 1 where they never differ.
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
    """An interval for how much oftener the second of two models is right, on the same images.

    Wald's interval with half an image added to each of the four cells, which keeps its promise where few images differ.
    Source: A. Agresti, Y. Min, Simple improved confidence intervals for comparing matched proportions, Statistics in
    Medicine 24 (2005).

    Args:
        only_first, only_second: how many images only one of them gets right.
        total: how many there are, at least 1.
    """
    first, second, images = only_first + 0.5, only_second + 0.5, total + 2
    difference = (second - first) / images
    spread = math.sqrt(max(0.0, first + second - (second - first) ** 2 / images)) / images
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * spread
    return max(-1.0, difference - half), min(1.0, difference + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of several tests, enlarged so that all of them together err as seldom as one should.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979).

    Returns:
        In the order given, each in 0..1; one alone stays as it is.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted
