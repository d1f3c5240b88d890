"""Verification of conformal sets: how often they contain the true class, on images of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from zoo.engine.conformal import ConformalScores, coverage_numbers, prediction_sets
from zoo.engine.scores import Numbers
from zoo.model.bundle import find_bundle, read_card, write_card
from zoo.model.conformal_scores import KEY, kept_scores, scores_of

__all__ = ["coverage_on", "save_scores"]


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
