"""Confidence thresholds below which a prediction is rejected as "not sure"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.engine.statistics import wilson_interval
from zoo.errors import RequestError
from zoo.registry.suggest import did_you_mean
from zoo.runner.predictions import Predictions
from zoo.storage.safe_yaml import read_mapping

__all__ = ["NEVER", "NOT_SURE", "ChosenThreshold", "by_costs", "by_precision", "by_recall", "measure", "read_costs"]

NOT_SURE = "not sure"
NEVER = 1.01
"""Threshold above any confidence."""
Below = float | dict[str, float]
Costs = NDArray[np.float64]
Cut = Callable[[NDArray[np.float64], NDArray[np.bool_]], float]


@dataclass(frozen=True)
class ClassFigures:
    """Predictions of a class with its threshold; a fraction of nothing is None."""

    below: float
    answered: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class ThresholdFigures:
    """Predictions of a split with a threshold: the number and share of accepted ones, and the precision among them.

    ``accuracy`` is without a threshold; ``precision`` and ``interval`` are None where no prediction is accepted.
    """

    images: int
    answered: int
    share: float
    precision: float | None
    interval: list[float] | None
    accuracy: float
    per_class: dict[str, ClassFigures]


@dataclass(frozen=True)
class ChosenThreshold:
    """Document of ``zoo runs threshold``: the option that was given, the threshold, and its figures by split."""

    run: str
    dir: str
    by: dict[str, float | str]
    below: Below
    splits: dict[str, ThresholdFigures]
    kept: bool


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
    sure, predicted = _confidence(kept), kept.predicted
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


def read_costs(path: Path, classes: list[str]) -> Costs:
    """Read a cost matrix from a YAML file: ``not sure: 1``, and ``cat: {dog: 5}`` for a cat predicted as a dog.

    The default cost is 1, and 0 for a correct prediction. ``not sure`` may also be among a class's costs.

    Raises:
        RequestError: the file can't be read, names an unknown class, or has a negative or non-numeric cost.
    """
    given = read_mapping(path, f"costs: write {NOT_SURE}: 1, and {classes[0]}: {{{classes[-1]}: 5}}")
    place = {**{name: i for i, name in enumerate(classes)}, NOT_SURE: len(classes)}
    costs = np.ones((len(classes), len(classes) + 1))
    np.fill_diagonal(costs, 0.0)
    costs[:, -1] = _cost(path, given.get(NOT_SURE, 1.0))
    for true, row in given.items():
        if true == NOT_SURE:
            continue
        if str(true) not in place or not isinstance(row, Mapping):
            raise RequestError(
                f"{path}: {true!r} is not a class with its costs.{did_you_mean(str(true), classes)} "
                f"Write: {classes[0]}: {{{classes[-1]}: 5}}, and {NOT_SURE}: 1"
            )
        for answer, value in row.items():
            if str(answer) not in place:
                raise RequestError(f"{path}: there is no class {answer!r}.{did_you_mean(str(answer), place)}")
            costs[place[str(true)], place[str(answer)]] = _cost(path, value)
    return costs


def _cost(path: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise RequestError(f"{path}: a cost must be a number of at least 0, not {value!r}.")
    return float(value)


def measure(kept: Predictions, below: Below) -> ThresholdFigures:
    """Evaluate thresholds on a split's predictions."""
    limits = np.array([below.get(name, 0.0) if isinstance(below, dict) else below for name in kept.classes])
    taken, right = _confidence(kept) >= limits[kept.predicted], kept.right
    answered, hits = int(taken.sum()), int((taken & right).sum())
    return ThresholdFigures(
        images=len(right),
        answered=answered,
        share=answered / len(right),
        precision=hits / answered if answered else None,
        interval=list(wilson_interval(hits, answered)) if answered else None,
        accuracy=float(right.mean()),
        per_class={name: _of_class(kept, k, taken, float(limits[k])) for k, name in enumerate(kept.classes)},
    )


def _of_class(kept: Predictions, k: int, taken: NDArray[np.bool_], below: float) -> ClassFigures:
    given, real = taken & (kept.predicted == k), kept.targets == k
    answered, images, hits = int(given.sum()), int(real.sum()), int((given & real).sum())
    precision, recall = (hits / count if count else None for count in (answered, images))
    return ClassFigures(below, answered, precision, recall)


# -- cuts through answers, surest first -------------------------------------------------------------------


def _confidence(kept: Predictions) -> NDArray[np.float64]:
    probs = kept.probabilities
    return np.asarray(probs[np.arange(len(probs)), kept.predicted])


def _each(kept: Predictions, cut: Cut, per_class: bool, what: str) -> Below:
    if per_class:
        return _reached(kept, _per_class(kept, lambda _, sure, right: cut(sure, right)), what)
    sure = _confidence(kept)
    order = np.argsort(-sure, kind="stable")
    found = cut(sure[order], kept.right[order])
    if found == NEVER:
        most = f"without one {100 * kept.right.mean():.1f}% of all images are right"
        raise RequestError(f"No threshold reaches {what}: {most}. Choose a lower target.")
    return found


def _per_class(kept: Predictions, cut: Callable[[int, Any, Any], float]) -> dict[str, float]:
    sure, found = _confidence(kept), {}
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
