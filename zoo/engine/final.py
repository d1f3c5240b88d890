"""The end of a run, or a model measured again: what stands beside the numbers of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.engine.calibration import FEWEST, calibration_numbers
from zoo.engine.confidence_intervals import uncertainty
from zoo.engine.evaluate import worst_mistakes
from zoo.engine.scores import Numbers
from zoo.engine.task import Mistakes, task_of

__all__ = ["final_numbers"]


def final_numbers(
    logits: Tensor,
    targets: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    names: Sequence[str],
    classes: Sequence[str],
    metrics: Mapping[str, Any] | None = None,
    temperature: float | None = None,
    *,
    fitted_here: bool = False,
) -> tuple[Numbers, Mistakes]:
    """What is too much to compute after every epoch.

    Args:
        logits, targets, loss_fn, classes, metrics: as :func:`zoo.engine.evaluate.evaluate_logits` has them.
        names: of the images, N.
        temperature: what the logits are divided by before the softmax; None where none was fitted.
        fitted_here: on these very images.

    Returns:
        ``intervals``, ``baseline`` and, of one class an image, ``calibration``; and the worst mistakes, as sure as the
        temperature leaves them.
    """
    found = uncertainty(logits, targets, loss_fn, classes, metrics)
    single = not task_of(targets).multilabel
    if single and len(targets) >= FEWEST and bool(torch.isfinite(logits).all()):
        found["calibration"] = calibration_numbers(logits, targets, temperature, fitted_here=fitted_here)
    read = logits / temperature if single and temperature else logits
    return found, worst_mistakes(read, targets, names, classes)
