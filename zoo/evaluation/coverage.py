"""Verification of conformal sets: how often they contain the true class, on images of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from zoo.engine.conformal import ConformalScores, check_coverage, coverage_numbers, prediction_sets
from zoo.engine.scores import Numbers
from zoo.engine.task import task_named
from zoo.errors import RequestError
from zoo.model.bundle import find_bundle, read_card, write_card

__all__ = ["coverage_on", "kept_scores", "save_scores", "scores_of"]

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


def save_scores(folder: Path, logits: Tensor, targets: Tensor) -> None:
    """Calibrate a run's model on its validation images, and keep the scores in its bundle.

    Args:
        folder: folder of the run.
        logits: (N, K); targets: (N,) int64.
    """
    bundle = find_bundle(folder)
    card = {key: value for key, value in read_card(bundle).items() if key != KEY}
    scores = ConformalScores.of(_probabilities(logits, card), targets.cpu().numpy())
    write_card(bundle, {**card, KEY: vars(scores)})


def coverage_on(
    logits: Tensor, targets: Tensor, card: Mapping[str, Any], coverage: float, *, calibrated_here: bool
) -> Numbers:
    """Verify the coverage of sets on images.

    Args:
        logits: (N, K); targets: (N,) int64.
        card: card of the model.
        coverage: promised rate.
        calibrated_here: the model was calibrated on these images; each half of them is then measured with the scores of
            the other half.

    Returns:
        See :func:`zoo.engine.conformal.coverage_numbers`, and ``how``: ``cross-fitted`` or ``calibrated on val``.

    Raises:
        RequestError: there are too few calibration images.
    """
    probs, labels = _probabilities(logits, card), targets.cpu().numpy()
    if not calibrated_here:
        scores, how = scores_of(card, coverage), "calibrated on val"
        sets = prediction_sets(probs, scores.quantile(coverage), scores.kind)
    else:
        kept, how = kept_scores(card), "cross-fitted"
        sets = _cross_fitted(probs, labels, coverage, "lac" if kept is None else kept.kind)
    return {"how": how, **coverage_numbers(sets, labels, list(card["classes"]), coverage)}


def _cross_fitted(probs: Any, labels: Any, coverage: float, kind: Any) -> Any:
    order, sets = np.random.default_rng(0).permutation(len(labels)), np.zeros(probs.shape, bool)
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    for here, there in (halves, halves[::-1]):
        scores = ConformalScores.of(probs[there], labels[there], kind)
        sets[here] = prediction_sets(probs[here], scores.quantile(coverage), kind)
    return sets


def _probabilities(logits: Tensor, card: Mapping[str, Any]) -> Any:
    return (logits.double().cpu() / float(card.get("temperature", 1.0))).softmax(dim=1).numpy()
