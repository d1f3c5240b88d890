"""Differences between groups: the worst and the best group of a metric, the interval of the gap, and chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["FEW", "Gap", "chance", "compared_groups", "gap_of"]

FEW = 30
"""Number of images below which a group's numbers are called uncertain."""
_DRAWS, _SEED = 10_000, 0

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Gap:
    """The difference between the best and the worst group of a metric.

    Args:
        worst, best: names of the groups.
        difference: distance of their values, at least 0.
        interval: 95 % confidence interval of the best group's advantage; None where a group has no interval.
    """

    worst: str
    best: str
    difference: float
    interval: tuple[float, float] | None


def compared_groups(sizes: Mapping[str, int]) -> list[str]:
    """Groups among which the worst and the best are chosen: those that are not small, where there are two of them."""
    large = [name for name, size in sizes.items() if size >= FEW]
    return large if len(large) >= 2 else list(sizes)


def gap_of(groups: Mapping[str, Numbers], metric: str, *, higher: bool) -> Gap | None:
    """Find the gap of a metric.

    The interval combines those of the two groups, which are independent samples: with values p and ends l and u it is
    from ``d - sqrt((p1 - l1)² + (u2 - p2)²)`` to ``d + sqrt((u1 - p1)² + (p2 - l2)²)``. Source: R. G. Newcombe,
    Interval estimation for the difference between independent proportions, Statistics in Medicine 17 (1998), method 10;
    for any statistic G. Y. Zou, A. Donner, Construction of confidence limits about effect measures, Statistics in
    Medicine 27 (2008).

    Args:
        groups: numbers of each group, with ``intervals``.
        higher: whether higher values are better.

    Returns:
        The gap; None where fewer than two groups have the metric.
    """
    known = {name: float(found[metric]) for name, found in groups.items() if _is_finite(found.get(metric))}
    if len(known) < 2:
        return None
    order = sorted(known, key=known.__getitem__, reverse=not higher)
    worst, best = order[0], order[-1]
    low, high = sorted((worst, best), key=known.__getitem__)
    difference = known[high] - known[low]
    ends = [groups[name].get("intervals", {}).get(metric) for name in (high, low)]
    return Gap(worst, best, difference, _combined(difference, (known[high], ends[0]), (known[low], ends[1])))


def _combined(
    difference: float, first: tuple[float, Sequence[float] | None], second: tuple[float, Sequence[float] | None]
) -> tuple[float, float] | None:
    (p1, one), (p2, two) = first, second
    if not one or not two:
        return None
    down = math.hypot(p1 - one[0], two[1] - p2)
    return difference - down, difference + math.hypot(one[1] - p1, p2 - two[0])


def chance(right: Sequence[int], images: Sequence[int]) -> float:
    """Probability of so large a gap in accuracy between the best and the worst of random groups of these sizes.

    A permutation test: the correct images are dealt to the groups at random, which is a multivariate hypergeometric
    distribution. Unlike the interval of the gap, it accounts for the choice of the two groups among all.

    Args:
        right, images: number of correct and of all images of each group.

    Returns:
        p-value in 0..1, never 0.
    """
    sizes, counts = np.asarray(images), np.asarray(right)
    draws = np.random.default_rng(_SEED).multivariate_hypergeometric(sizes, int(counts.sum()), size=_DRAWS)
    seen = np.ptp(counts / sizes)
    return float((1 + (np.ptp(draws / sizes, axis=1) >= seen - 1e-12).sum()) / (1 + _DRAWS))


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
