"""Calibration scores of conformal prediction in a bundle's zoo.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.engine.conformal import ConformalScores, check_coverage
from zoo.engine.task import task_named
from zoo.errors import RequestError

__all__ = ["KEY", "kept_scores", "scores_of"]

KEY = "conformal"


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
    if task_named(card.get("task", "")).multilabel:
        raise RequestError(
            f"Sets of classes with a coverage are for single-label models, and {model} is multi-label: each of its "
            "classes has a threshold of its own. Leave out the coverage."
        )
    if (found := kept_scores(card)) is None:
        raise RequestError(
            f"{model} has no calibration scores for sets of classes: its run is from an older zoo, had fewer than 100 "
            "validation images, or was not trained by the zoo. To compute them on the run's validation images: zoo "
            f"evaluate {model} --split val --coverage {coverage:g} --keep"
        )
    found.quantile(coverage)
    return found


def kept_scores(card: Mapping[str, Any]) -> ConformalScores | None:
    """Calibration scores of a card; None where it has none."""
    found = card.get(KEY)
    return ConformalScores(found["kind"], found["images"], found["scores"]) if found else None
