"""What stands beside every number of an evaluation: its 95 % interval, and what always giving one answer would have."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.engine.bootstrap import alike, drawn_counts, f1_macro, percentiles, try_draws
from zoo.engine.evaluate import measure
from zoo.engine.scores import Numbers
from zoo.engine.statistics import macro_interval, wilson_interval
from zoo.engine.task import task_of

__all__ = ["baseline", "correct_images", "metric_score", "one_thread", "uncertainty"]

MOST = 300_000
"""Logits of an evaluation beyond which no number is computed anew from resamples of them: its interval is left out."""
Loss = Callable[[Tensor, Tensor], Tensor]
Metrics = Mapping[str, Any]
Intervals = dict[str, list[float]]


def uncertainty(
    logits: Tensor,
    targets: Tensor,
    loss_fn: Loss,
    classes: Sequence[str],
    metrics: Metrics | None = None,
) -> Numbers:
    """What :func:`zoo.engine.evaluate.evaluate_logits` leaves open, with the same arguments.

    Returns:
        ``intervals`` (name of a number -> its ends) and ``baseline``.
    """
    with torch.no_grad(), one_thread():  # a metric keeps what it is given, beyond inference mode
        found = _intervals(logits, targets, loss_fn, classes, metrics or {})
    return {"intervals": found, "baseline": baseline(targets, classes)}


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """For many small computations: on a busy machine threads wait for each other much longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _intervals(logits: Tensor, targets: Tensor, loss_fn: Loss, classes: Sequence[str], metrics: Metrics) -> Intervals:
    """95 % intervals: Wilson's for an accuracy and a perfect macro F1, the bootstrap's percentiles for all else.

    They are of the images alone: another seed of the training would move the numbers as well.
    """
    found: Intervals = {}
    task, images = task_of(targets), len(targets)
    right = correct_images(logits, targets)
    found["accuracy"] = list(wilson_interval(int(right.sum()), images))
    if not task.multilabel:
        found["f1_micro"] = list(found["accuracy"])  # with one class an image they are the same number
        (true, predicted), counts = alike(targets.cpu().numpy(), logits.argmax(dim=1).cpu().numpy())
        draws = np.concatenate([f1_macro(drawn, true, predicted) for drawn in drawn_counts(counts)])
        found["f1_macro"] = _ends(draws) or list(macro_interval(float(draws[0]), torch.bincount(targets).tolist()))
    if logits.numel() > MOST:
        return found
    scores = dict(_scores(loss_fn, metrics))
    if task.multilabel:
        for name in task.scalars:
            if name not in found and name not in scores:
                scores[name] = _task_score(name, classes)
    for name, score in scores.items():
        if (ends := _ends(try_draws(_drawn(score, logits, targets), images))) is not None:
            found[name] = ends
    for metric in metrics.values():
        metric.reset()
    return found


def _ends(draws: Any) -> list[float] | None:
    """The middle part of what resamples gave; None where all gave the same, as where no image is answered wrong.

    Resamples know of no other errors than those that were seen, and would be sure that there are none.
    """
    ends = percentiles(draws)
    return None if ends is None or ends[0] == ends[1] else ends


def correct_images(logits: Tensor, targets: Tensor) -> Tensor:
    """Which images are answered right, bool (N,) on the CPU: of several labels, with all of them right."""
    if task_of(targets).multilabel:
        return ((logits >= 0) == (targets >= 0.5)).all(dim=1).cpu()
    return (logits.argmax(dim=1) == targets).cpu()


def _scores(loss_fn: Any, metrics: Mapping[str, Any]) -> Any:
    yield "loss", lambda logits, targets: float(loss_fn(logits, targets))
    for name, metric in metrics.items():
        yield name, metric_score(metric)


def metric_score(metric: Any) -> Callable[[Tensor, Tensor], float]:
    """A metric as a function of logits and targets; what isn't one number is none."""

    def score(logits: Tensor, targets: Tensor) -> float:
        value = measure(metric, logits, targets)
        if value.ndim:
            raise ValueError("a metric of several numbers has no interval")
        return float(value)

    return score


def _task_score(name: str, classes: Sequence[str]) -> Callable[[Tensor, Tensor], float]:
    return lambda logits, targets: float(task_of(targets).numbers(logits, targets, classes)[name])


def _drawn(score: Callable[[Tensor, Tensor], float], logits: Tensor, targets: Tensor) -> Callable[[Any], float]:
    def of(chosen: Any) -> float:
        index = torch.from_numpy(chosen).to(logits.device)
        return score(logits[index], targets[index])

    return of


def baseline(targets: Tensor, classes: Sequence[str]) -> Numbers:
    """What always giving the commonest answer of these very images would have: the least that a model must beat.

    Returns:
        ``answer`` (a class; of several labels the commonest set of them), ``accuracy`` and ``f1_macro`` in 0..1.
    """
    if task_of(targets).multilabel:
        rows, numbers = np.unique((targets >= 0.5).cpu().numpy(), axis=0, return_counts=True)
        commonest = rows[numbers.argmax()].tolist()
        answer = [name for name, has in zip(classes, commonest, strict=True) if has]
        return {"answer": answer, "accuracy": int(numbers.max()) / len(targets)}
    counts = torch.bincount(targets.cpu(), minlength=len(classes))
    share, occurring = int(counts.max()) / len(targets), int((counts > 0).sum())
    f1 = 2 * share / (1 + share)  # its precision is its share, its recall 1; all other classes have 0
    return {"answer": classes[int(counts.argmax())], "accuracy": share, "f1_macro": f1 / occurring}
