"""Evaluation: collect all logits first, then compute each number once over all of them.

No number depends on the batch size or on an incomplete last batch, for any loss and any metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.execution import Execution
from zoo.engine.fuse_bn import fold_norms
from zoo.engine.ranks import as_single_process
from zoo.engine.scores import Numbers
from zoo.engine.task import Mistakes, task_of
from zoo.errors import ContractError, TrainingError


def predict_logits(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    execution: Execution,
    on_batch: Callable[[int], None] | None = None,
    collect: Callable[[list[Tensor]], list[Tensor]] = list,
) -> tuple[Tensor, Tensor]:
    """Predict logits (N, K) float32 and targets (N,) or (N, K) of all batches, in order, on the device.

    Batch norms are fused into their convolutions first, on a copy, which changes the last digits of a logit.

    Args:
        on_batch: called after each batch with the number of images so far.
        collect: gathers the parts of all processes, in the order of the batches.

    Raises:
        ContractError: there are no images.
    """
    model.eval()
    network: nn.Module | None = None
    logits: list[Tensor] = []
    targets: list[Tensor] = []
    seen = 0
    for images, labels in batches:
        network = network or fold_norms(model, images[:2])
        with torch.inference_mode(), execution.autocast():
            logits.append(network(images).float())
        targets.append(labels)
        seen += len(labels)
        if on_batch is not None:
            on_batch(seen)
    logits, targets = collect(logits), collect(targets)
    if not logits:
        raise ContractError("there are no images to evaluate")
    return torch.cat(logits), torch.cat(targets)


def evaluate_logits(
    logits: Tensor,
    targets: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    classes: Sequence[str],
    metrics: Mapping[str, Any] | None = None,
    thresholds: Sequence[float] | None = None,
) -> Numbers:
    """Compute every number of an evaluation.

    Args:
        logits: (N, K) float32.
        targets: (N,) int64; for multi-label tasks (N, K) float32 of 0 and 1.
        metrics: name -> an object with ``update``, ``compute`` and ``reset``.
        thresholds: decision thresholds of the K classes in 0..1, for multi-label tasks.

    Returns:
        loss, accuracy, f1_macro, f1_micro, confusion_matrix (rows are true), per_class, and the metrics by name.
        For multi-label tasks, at a threshold of 0.5, accuracy is the fraction of images with all labels correct,
        confusion_matrix is (K, 2, 2), and hamming_loss and mean_average_precision are added; ``at_thresholds`` holds
        the numbers that depend on the thresholds.

    Raises:
        TrainingError: the probabilities of an image are not finite.
    """
    task = task_of(targets)
    with torch.inference_mode():
        _check_answers(task.probabilities(logits))
        loss = float(loss_fn(logits, targets))
        found: Numbers = {"loss": loss, **task.numbers(logits, targets, classes)}
        if thresholds is not None:
            found["at_thresholds"] = task.at_thresholds(logits, targets, classes, thresholds)
    for name, metric in (metrics or {}).items():
        value = measure(metric, logits, targets)
        found[name] = value.item() if value.ndim == 0 else value.tolist()
    return found


def measure(metric: Any, logits: Tensor, targets: Tensor) -> Tensor:
    """Compute a metric on these logits alone, independent of its earlier state and of other processes."""
    with as_single_process():
        metric.reset()
        metric.update(logits, targets)
        return torch.as_tensor(metric.compute())


def _check_answers(probabilities: Tensor) -> None:
    """Raise TrainingError for non-finite predictions, whose argmax would count as class 0."""
    lost = len(probabilities) - int(probabilities.isfinite().all(dim=1).sum())
    if lost:
        raise TrainingError(
            f"The predictions of {lost} of {len(probabilities)} images are NaN: the range of 16 bits is exceeded "
            "(try --set evaluation_precision=fp32), or the weights are corrupt (train again with a smaller --lr)."
        )


def worst_mistakes(
    logits: Tensor, targets: Tensor, names: Sequence[str], classes: Sequence[str], most: int = 20
) -> Mistakes:
    """Most confident mistakes, in descending order of confidence."""
    with torch.inference_mode():
        return task_of(targets).mistakes(logits, targets, names, classes, most)
