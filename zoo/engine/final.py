"""Numbers of a final evaluation that are too expensive to compute after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.engine.calibration import FEWEST, calibration_numbers
from zoo.engine.confidence_intervals import uncertainty
from zoo.engine.evaluate import Answers, worst_mistakes
from zoo.engine.scores import Numbers
from zoo.engine.task import Mistakes, Task, task_of

__all__ = ["final_numbers"]


def final_numbers(
    answers: Answers,
    loss_fn: Callable[..., Tensor] | None,
    names: Sequence[str],
    classes: Sequence[str],
    metrics: Mapping[str, Any] | None = None,
    temperature: float | None = None,
    *,
    fitted_here: bool = False,
    task: Task | None = None,
) -> tuple[Numbers, Mistakes]:
    """Compute intervals, baseline, calibration and the worst mistakes of a final evaluation.

    Args:
        answers, loss_fn, classes, metrics: see :func:`zoo.engine.evaluate.evaluate_logits`.
        names: names of the N images.
        temperature: divisor of the logits before the softmax; None where none was fitted.
        fitted_here: the temperature was fitted on these images.
        task: by default single-label or multi-label, by the form of the targets.

    Returns:
        A dictionary of ``intervals``, ``baseline`` and, where the answer is one class, ``calibration``; and the worst
        mistakes, with temperature-scaled confidences.
    """
    task = task_of(answers.targets) if task is None else task
    found = uncertainty(answers, loss_fn, classes, metrics, task)
    logits, targets = task.read(answers.logits), task.read_targets(answers.targets)
    single = task.classifies and not task.multilabel
    if single and len(targets) >= FEWEST and bool(torch.isfinite(logits).all()):
        found["calibration"] = calibration_numbers(logits, targets, temperature, fitted_here=fitted_here)
    read = logits / temperature if single and temperature else logits
    return found, worst_mistakes(read, targets, names, classes, task=task)
