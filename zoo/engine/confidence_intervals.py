"""95 % confidence intervals of an evaluation's numbers, and the scores of the best constant answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.engine.bootstrap import f1_macro, group_identical, percentiles, resampled_counts, try_draws
from zoo.engine.evaluate import Answers, loss_of, measure
from zoo.engine.outputs import NO_OUTPUTS, Outputs
from zoo.engine.scores import Numbers
from zoo.engine.statistics import macro_interval, wilson_interval
from zoo.engine.task import Task, task_of

__all__ = ["correct_images", "metric_score", "one_thread", "uncertainty"]

MOST = 300_000
"""Maximum number of logits for intervals that need recomputation from resamples; they are left out above it."""
Loss = Callable[..., Tensor]
Score = Callable[[Tensor, Tensor, Outputs], float]
Metrics = Mapping[str, Any]
Intervals = dict[str, list[float]]


def uncertainty(
    answers: Answers,
    loss_fn: Loss | None,
    classes: Sequence[str],
    metrics: Metrics | None = None,
    task: Task | None = None,
) -> Numbers:
    """Confidence intervals and baseline of an evaluation; arguments as of :func:`zoo.engine.evaluate.evaluate_logits`.

    Returns:
        ``intervals`` (name of a number -> ``[low, high]``) and ``baseline``.
    """
    task = task_of(answers.targets) if task is None else task
    with torch.no_grad(), one_thread():  # metrics keep their inputs after inference mode ends
        found = _intervals(answers, loss_fn, classes, metrics or {}, task)
    return {"intervals": found, "baseline": task.baseline(task.read_targets(answers.targets), classes)}


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread within the context, which is faster for many small computations."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _intervals(
    answers: Answers, loss_fn: Loss | None, classes: Sequence[str], metrics: Metrics, task: Task
) -> Intervals:
    """95 % intervals: Wilson's for accuracy and a perfect macro F1, bootstrap percentiles for all else.

    They cover the sampling of the images only, not the variance between training seeds.
    """
    read = Answers(task.read(answers.logits), task.read_targets(answers.targets), answers.outputs)
    found = _of_classes(read.logits, read.targets, task) if task.classifies else {}
    if answers.logits.numel() > MOST:
        return found
    scores = {} if loss_fn is None else {"loss": (_loss_score(loss_fn), answers)}
    scores |= {name: (metric_score(metric), read) for name, metric in metrics.items()}
    found |= _of_task(read, [name for name in task.scalars if name not in found and name != "loss"], classes, task)
    for name, (score, given) in scores.items():
        if (ends := _ends(try_draws(_drawn(score, *given), len(given.targets)))) is not None:
            found[name] = ends
    for metric in metrics.values():
        metric.reset()
    return found


def _of_classes(logits: Tensor, targets: Tensor, task: Task) -> Intervals:
    """Intervals that follow from counts of images."""
    right = correct_images(logits, targets)
    found: Intervals = {"accuracy": list(wilson_interval(int(right.sum()), len(targets)))}
    if not task.multilabel:
        found["f1_micro"] = list(found["accuracy"])  # with one class an image they are the same number
        (true, predicted), counts = group_identical(targets.cpu().numpy(), logits.argmax(dim=1).cpu().numpy())
        draws = np.concatenate([f1_macro(drawn, true, predicted) for drawn in resampled_counts(counts)])
        found["f1_macro"] = _ends(draws) or list(macro_interval(float(draws[0]), torch.bincount(targets).tolist()))
    return found


def _ends(draws: Any) -> list[float] | None:
    """Percentile interval of the resamples; None where all are equal, as with no mistakes.

    Resamples contain no errors but the observed ones, so their interval would have zero width.
    """
    ends = percentiles(draws)
    return None if ends is None or ends[0] == ends[1] else ends


def correct_images(logits: Tensor, targets: Tensor) -> Tensor:
    """Mask of the correctly classified images, bool (N,) on the CPU; multi-label images need all labels correct."""
    if task_of(targets).multilabel:
        return ((logits >= 0) == (targets >= 0.5)).all(dim=1).cpu()
    return (logits.argmax(dim=1) == targets).cpu()


def _loss_score(loss_fn: Loss) -> Score:
    return lambda logits, targets, outputs: loss_of(loss_fn, logits, targets, outputs)


def metric_score(metric: Any) -> Score:
    """Wrap a metric as a function of logits, targets and further outputs; it raises ValueError unless it is scalar."""

    def score(logits: Tensor, targets: Tensor, outputs: Outputs = NO_OUTPUTS) -> float:
        value = measure(metric, logits, targets, outputs)
        if value.ndim:
            raise ValueError("a metric of several numbers has no interval")
        return float(value)

    return score


def _of_task(read: Answers, names: Sequence[str], classes: Sequence[str], task: Task) -> Intervals:
    """Intervals of a task's own numbers, which are computed once for each resample."""
    draws: dict[str, list[float]] = {name: [] for name in names}

    def score(logits: Tensor, targets: Tensor, outputs: Outputs) -> float:
        numbers = task.numbers(logits, targets, classes)
        for name, values in draws.items():
            values.append(float(numbers[name]))
        return 0.0

    if names:
        try_draws(_drawn(score, *read), len(read.targets))
    return {name: ends for name, each in draws.items() if each and (ends := _ends(np.array(each))) is not None}


def _drawn(score: Score, logits: Tensor, targets: Tensor, outputs: Outputs) -> Callable[[Any], float]:
    def of(chosen: Any) -> float:
        index = torch.from_numpy(chosen).to(logits.device)
        return score(logits[index], targets[index], {name: value[index] for name, value in outputs.items()})

    return of
