"""Calibration scores of conformal prediction in a bundle's zoo.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.engine.conformal import ConformalScores, check_coverage, conformal_quantile, fewest_for
from zoo.engine.task import task_of_card
from zoo.engine.value_intervals import KEY as INTERVALS
from zoo.engine.value_intervals import Bounds, ValueIntervals
from zoo.errors import RequestError

__all__ = ["DEFAULT_COVERAGE", "KEY", "check_ends", "intervals_of", "scores_of"]

KEY = "conformal"
DEFAULT_COVERAGE = 0.9
"""Coverage of a regression's intervals where none is asked for."""


def scores_of(card: Mapping[str, Any], coverage: float, model: str = "RUN") -> ConformalScores:
    """Calibration scores of a card, after a check that they suffice for a coverage.

    Args:
        card: content of zoo.json.
        coverage: promised rate, 0 < coverage < 1.
        model: what the user calls the model, for the message.

    Raises:
        RequestError: the model is multi-label, has no scores, or too few.
    """
    check_coverage(coverage)
    task = task_of_card(card)
    if task.multilabel:
        raise RequestError(
            f"Sets of classes with a coverage are for single-label models, and {model} is multi-label: each of its "
            "classes has a threshold of its own. Leave out the coverage."
        )
    if (kept := card.get(KEY)) is None:
        raise RequestError(
            f"{model} has no calibration scores for sets of classes: its run is from an older zoo, had fewer than 100 "
            "validation images, or was not trained by the zoo. To compute them on the run's validation images: zoo "
            f"evaluate {model} --split val --coverage {coverage:g} --keep"
        )
    found = ConformalScores(kept["kind"], kept["images"], kept["scores"])
    found.quantile(coverage)
    return found


def intervals_of(card: Mapping[str, Any], coverage: float | None, model: str = "RUN") -> ValueIntervals | None:
    """Calibration scores of a regression's card.

    Args:
        card: content of zoo.json.
        coverage: promised rate; None for the default, where the scores suffice for it.
        model: what the user calls the model, for the message.

    Raises:
        RequestError: a coverage is asked for, and the model has no scores, or too few.
    """
    found = card.get(INTERVALS)
    if coverage is not None:
        check_coverage(coverage)
        if found is None:
            raise RequestError(
                f"{model} has no calibration scores for intervals: it had fewer than 20 validation images. Leave out "
                "the coverage, or train with more."
            )
    elif found is None or len(found["scores"][0]) < fewest_for(DEFAULT_COVERAGE):
        return None
    kept = ValueIntervals(found["kind"], found["images"], found["scores"])
    if coverage is not None:
        for scores in kept.scores:
            conformal_quantile(scores, coverage)
    return kept


def check_ends(card: Mapping[str, Any], ends: Bounds | None) -> None:
    """Check that a model that was calibrated by its quantiles gives them.

    Raises:
        RequestError: it is an exported file that answers the median alone.
    """
    if ends is None and (card.get(INTERVALS) or {}).get("kind") == "quantiles":
        raise RequestError(
            "This exported file has no quantiles, so that its values have no intervals. Leave out the coverage, or "
            "export the run as ONNX, which has them: zoo export RUN --format onnx"
        )
