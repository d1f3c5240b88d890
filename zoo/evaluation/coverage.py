"""Verification of conformal sets and intervals: how often they contain the truth, on images of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.engine.conformal import ConformalScores, coverage_numbers, prediction_sets
from zoo.engine.regression import RegressionTask
from zoo.engine.scores import Numbers
from zoo.engine.task import task_of_card
from zoo.engine.value_intervals import ValueIntervals, calibrate_values, interval_numbers
from zoo.model.bundle import find_bundle, read_card, write_card
from zoo.model.conformal_scores import KEY, check_ends, intervals_of, scores_of

__all__ = ["check_scores", "coverage_on", "save_scores"]


def save_scores(folder: Path, outputs: Tensor, targets: Tensor) -> None:
    """Calibrate a run's model on its validation images, and keep the scores in its bundle.

    Args:
        folder: folder of the run.
        outputs: raw outputs (N, M); targets: of the loss.
    """
    bundle = find_bundle(folder)
    card = read_card(bundle)
    if isinstance(task := task_of_card(card), RegressionTask):
        scores = calibrate_values(outputs, targets, task)
        write_card(bundle, {**card, **({} if scores is None else scores.card())})
        return
    found = ConformalScores.of(_probabilities(task.read(outputs), card), targets.cpu().numpy())
    write_card(bundle, {**card, KEY: vars(found)})


def check_scores(card: Mapping[str, Any], coverage: float, model: str) -> None:
    """Check that a model has enough calibration scores for a coverage.

    Raises:
        RequestError: it hasn't.
    """
    (scores_of if task_of_card(card).classifies else intervals_of)(card, coverage, model)


def coverage_on(
    outputs: Tensor, targets: Tensor, card: Mapping[str, Any], coverage: float, *, calibrated_here: bool
) -> Numbers:
    """Verify the coverage of sets on images.

    Args:
        outputs: raw outputs (N, M); targets: of the loss.
        card: card of the model.
        coverage: promised rate.
        calibrated_here: the model was calibrated on these images; each half of them is then measured with the scores of
            the other half.

    Returns:
        See :func:`zoo.engine.conformal.coverage_numbers`, or of a regression
        :func:`zoo.engine.value_intervals.interval_numbers`; and ``how``: ``cross-fitted`` or ``calibrated on val``.

    Raises:
        RequestError: there are too few calibration images.
    """
    if isinstance(task := task_of_card(card), RegressionTask):
        return _of_values(outputs, targets, card, task, coverage, calibrated_here)
    probs, labels = _probabilities(task.read(outputs), card), targets.cpu().numpy()
    if not calibrated_here:
        scores, how = scores_of(card, coverage), "calibrated on val"
        sets = prediction_sets(probs, scores.quantile(coverage))
    else:
        sets, how = _cross_fitted(probs, labels, coverage), "cross-fitted"
    return {"how": how, **coverage_numbers(sets, labels, list(card["classes"]), coverage)}


def _of_values(
    outputs: Tensor,
    targets: Tensor,
    card: Mapping[str, Any],
    task: RegressionTask,
    coverage: float,
    calibrated_here: bool,
) -> Numbers:
    values, real, ends = task.read(outputs), task.read_targets(targets), task.ends(outputs)
    check_ends(card, ends)
    if not calibrated_here:
        kept, how = intervals_of(card, coverage), "calibrated on val"
        assert kept is not None  # a coverage was asked for
        low, high = kept.bounds(values, coverage, ends if kept.kind == "quantiles" else None)
    else:
        how, (low, high) = "cross-fitted", (torch.empty_like(values), torch.empty_like(values))
        for here, there in _halves(len(values)):
            own, other = (None if ends is None else (ends[0][rows], ends[1][rows]) for rows in (here, there))
            found = ValueIntervals.of(values[there], real[there], other)
            low[here], high[here] = found.bounds(values[here], coverage, own)
    return {"how": how, **interval_numbers((low, high), real, list(card["classes"]), coverage)}


def _halves(count: int) -> Iterator[tuple[Any, Any]]:
    """Random halves of images, each with the other."""
    order = np.random.default_rng(0).permutation(count)
    halves = order[: count // 2], order[count // 2 :]
    yield from (halves, halves[::-1])


def _cross_fitted(probs: Any, labels: Any, coverage: float) -> Any:
    sets = np.zeros(probs.shape, bool)
    for here, there in _halves(len(labels)):
        scores = ConformalScores.of(probs[there], labels[there])
        sets[here] = prediction_sets(probs[here], scores.quantile(coverage))
    return sets


def _probabilities(logits: Tensor, card: Mapping[str, Any]) -> Any:
    return (logits.double().cpu() / float(card.get("temperature", 1.0))).softmax(dim=1).numpy()
