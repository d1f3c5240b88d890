"""Numbers of a part of the images of a split, by the functions that compute those of the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from zoo.engine.confidence_intervals import uncertainty
from zoo.engine.evaluate import Answers, evaluate_logits, measure
from zoo.engine.scores import Numbers
from zoo.engine.task import Task, task_of

__all__ = ["PartScore", "part_of"]


@dataclass(frozen=True)
class PartScore:
    """Computes the numbers of an evaluation, with intervals, of any answers of a model.

    A metric that is undefined on so few images, such as the area under a curve of one class, is left out.

    Args:
        loss_fn, classes, metrics, thresholds, task: see :func:`zoo.engine.evaluate.evaluate_logits`.
    """

    loss_fn: Callable[..., Tensor] | None
    classes: Sequence[str]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Sequence[float] | None = None
    task: Task | None = None

    def __call__(self, answers: Answers, *, intervals: bool = True) -> Numbers:
        """Compute the numbers; without intervals also without the majority baseline."""
        logits, targets, outputs = answers
        task = task_of(targets) if self.task is None else self.task
        read = Answers(task.read(logits), task.read_targets(targets), outputs)
        metrics = {name: metric for name, metric in self.metrics.items() if _is_defined(metric, read)}
        found = evaluate_logits(logits, targets, self.loss_fn, self.classes, metrics, self.thresholds, outputs, task)
        if not intervals:
            return found
        return {**found, **uncertainty(answers, self.loss_fn, self.classes, metrics, task)}


def part_of(answers: Answers, indices: Any) -> Answers:
    """Select the answers for some images; indices int64 (n,)."""
    rows = torch.as_tensor(indices, device=answers.logits.device)
    outputs = {name: value[rows] for name, value in answers.outputs.items()}
    return Answers(answers.logits[rows], answers.targets[rows], outputs)


def _is_defined(metric: Any, answers: Answers) -> bool:
    try:
        return bool(torch.isfinite(measure(metric, *answers)).all())
    except (ValueError, RuntimeError, IndexError):
        return False
