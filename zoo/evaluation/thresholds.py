"""Confidence thresholds below which a prediction is rejected as "not sure"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import RequestError
from zoo.runner.predictions import Predictions

__all__ = ["NEVER", "Below", "by_costs", "by_precision", "by_recall"]

NEVER = 1.01
"""Threshold above any confidence."""
Below = float | dict[str, float]
Costs = NDArray[np.float64]
Cut = Callable[[NDArray[np.float64], NDArray[np.bool_]], float]


def by_precision(kept: Predictions, wanted: float, *, per_class: bool = False) -> Below:
    """Find the lowest threshold with at least the precision ``wanted`` among accepted predictions.

    Args:
        kept: predictions of a split.
        wanted: minimum precision, 0..1.
        per_class: find a threshold for each predicted class.

    Raises:
        RequestError: no threshold reaches the precision.
    """

    def cut(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        return _lowest(sure, precision >= wanted)

    return _each(kept, cut, per_class, f"{100 * wanted:g}% precision")


def by_recall(kept: Predictions, wanted: float, *, per_class: bool = False) -> Below:
    """Find the highest threshold with at least the fraction ``wanted`` of all images accepted and correct.

    Args:
        kept: predictions of a split.
        wanted: minimum fraction, 0..1.
        per_class: find a threshold for each class, by the recall of its images.

    Raises:
        RequestError: even without a threshold the fraction is not reached.
    """
    support = np.bincount(kept.targets, minlength=len(kept.classes))

    def cut(sure: NDArray[np.float64], right: NDArray[np.bool_], images: int = len(kept.names)) -> float:
        found = np.cumsum(right) >= wanted * images - 1e-9
        enough = _ends(sure) & found
        return _between(sure, int(np.argmax(enough))) if enough.any() else NEVER

    if not per_class:
        return _each(kept, cut, False, f"{100 * wanted:g}% recall")
    each = _per_class(kept, lambda k, sure, right: cut(sure, right, int(support[k])))
    return _reached(kept, each, f"{100 * wanted:g}% recall")


def by_costs(kept: Predictions, costs: Costs) -> dict[str, float]:
    """Find for each class the threshold that minimises the expected cost of its predictions.

    With equal costs of all mistakes and calibrated probabilities this is Chow's rule: accept a prediction where the
    probability of a mistake times its cost is below the cost of a rejection.
    Source: C. K. Chow, On optimum recognition error and reject tradeoff, IEEE Transactions on Information Theory 16
    (1970).

    Args:
        kept: predictions of a split.
        costs: (K, K + 1), cost of predicting an image of one class (row) as another (column), or of rejecting it (last
            column).
    """
    found = {}
    sure, predicted = kept.confidence, kept.predicted
    for k, name in enumerate(kept.classes):
        order = np.flatnonzero(predicted == k)
        order = order[np.argsort(-sure[order], kind="stable")]
        if not len(order):
            found[name] = 0.0
            continue
        taken, refused = costs[kept.targets[order], k], costs[kept.targets[order], -1]
        total = np.cumsum(taken) - np.cumsum(refused)  # relative to rejecting all
        total[~_ends(sure[order])] = np.inf
        best = int(np.argmin(total))
        found[name] = _between(sure[order], best) if total[best] < 0 else NEVER
    return found


# -- cuts through answers, surest first -------------------------------------------------------------------


def _each(kept: Predictions, cut: Cut, per_class: bool, what: str) -> Below:
    if per_class:
        return _reached(kept, _per_class(kept, lambda _, sure, right: cut(sure, right)), what)
    sure = kept.confidence
    order = np.argsort(-sure, kind="stable")
    found = cut(sure[order], kept.right[order])
    if found == NEVER:
        most = f"without one {100 * kept.right.mean():.1f}% of all images are right"
        raise RequestError(f"No threshold reaches {what}: {most}. Choose a lower target.")
    return found


def _per_class(kept: Predictions, cut: Callable[[int, Any, Any], float]) -> dict[str, float]:
    sure, found = kept.confidence, {}
    for k, name in enumerate(kept.classes):
        order = np.flatnonzero(kept.predicted == k)
        order = order[np.argsort(-sure[order], kind="stable")]
        found[name] = cut(k, sure[order], kept.right[order]) if len(order) else NEVER
    return found


def _reached(kept: Predictions, found: dict[str, float], what: str) -> dict[str, float]:
    short = [name for name, below in found.items() if below == NEVER]
    if len(short) == len(kept.classes):
        raise RequestError(f"No threshold reaches {what} for any class. Choose a lower target.")
    return found  # a class without a threshold is always rejected


def _ends(sure: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mask of the possible cuts: after a prediction whose confidence exceeds the next one's."""
    return np.append(sure[:-1] > sure[1:], True)


def _lowest(sure: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    possible = np.flatnonzero(_ends(sure) & good)
    return _between(sure, int(possible[-1])) if len(possible) else NEVER


def _between(sure: NDArray[np.float64], last: int) -> float:
    """Threshold that accepts all predictions up to ``last``, midway to the next one."""
    return float((sure[last] + sure[last + 1]) / 2) if last + 1 < len(sure) else 0.0
