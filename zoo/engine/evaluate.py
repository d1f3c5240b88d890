"""Evaluation: collect all logits first, then compute each number once over all of them.

No number depends on the batch size or on an incomplete last batch, for any loss and any metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.engine.execution import Execution
from zoo.engine.fuse_bn import fold_norms
from zoo.engine.outputs import NO_OUTPUTS, Outputs, call_scored, loss_module, with_outputs
from zoo.engine.ranks import as_single_process
from zoo.engine.scores import Numbers
from zoo.engine.task import Mistakes, Task, task_of
from zoo.errors import ContractError, TrainingError


class Answers(NamedTuple):
    """Logits (N, K) float32, targets (N,) or (N, K), and further outputs of the network (N, …) float32, of N images."""

    logits: Tensor
    targets: Tensor
    outputs: Outputs = NO_OUTPUTS


def predict_logits(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    execution: Execution,
    on_batch: Callable[[int], None] | None = None,
    collect: Callable[[list[Tensor]], list[Tensor]] = list,
) -> tuple[Tensor, Tensor]:
    """Predict logits (N, K) float32 and targets (N,) or (N, K) of all batches, as :func:`predict_outputs` does."""
    logits, targets, _ = predict_outputs(model, batches, execution, on_batch, collect)
    return logits, targets


def predict_outputs(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    execution: Execution,
    on_batch: Callable[[int], None] | None = None,
    collect: Callable[[list[Tensor]], list[Tensor]] = list,
    takers: Sequence[Any] = (),
) -> Answers:
    """Predict logits (N, K) float32, targets (N,) or (N, K), and further outputs (N, …) float32, of all batches, in
    order, on the device.

    Batch norms are fused into their convolutions first, on a copy, which changes the last digits of a logit.

    Args:
        on_batch: called after each batch with the number of images so far.
        collect: gathers the parts of all processes, in the order of the batches.
        takers: losses, and ``update`` of metrics, whose further outputs are collected.

    Raises:
        ContractError: there are no images.
    """
    model.eval()
    network: Callable[[Tensor], tuple[Tensor, Outputs]] | None = None
    logits: list[Tensor] = []
    targets: list[Tensor] = []
    others: dict[str, list[Tensor]] = {}
    seen = 0
    for images, labels in batches:
        network = network or with_outputs(fold_norms(model, images[:2]), *takers)
        with torch.inference_mode(), execution.autocast():
            answer, beside = network(images)
            logits.append(answer.float())
        for name, value in beside.items():
            others.setdefault(name, []).append(value.float())
        targets.append(labels)
        seen += len(labels)
        if on_batch is not None:
            on_batch(seen)
    logits, targets = collect(logits), collect(targets)
    if not logits:
        raise ContractError("there are no images to evaluate")
    return Answers(
        torch.cat(logits), torch.cat(targets), {name: torch.cat(collect(parts)) for name, parts in others.items()}
    )


def evaluate_logits(
    logits: Tensor,
    targets: Tensor,
    loss_fn: Callable[..., Tensor] | None,
    classes: Sequence[str],
    metrics: Mapping[str, Any] | None = None,
    thresholds: Sequence[float] | None = None,
    outputs: Outputs = NO_OUTPUTS,
    task: Task | None = None,
) -> Numbers:
    """Compute every number of an evaluation.

    Args:
        logits: raw outputs of the network, (N, K) float32; (N, M) for a task that reads them otherwise.
        targets: (N,) int64; for multi-label tasks (N, K) float32 of 0 and 1.
        loss_fn: set to evaluation mode where it is a module; None leaves the loss out.
        metrics: name -> an object with ``update``, ``compute`` and ``reset``.
        thresholds: decision thresholds of the K classes in 0..1, for multi-label tasks.
        outputs: further outputs of the network, for a loss and metrics that take them.
        task: by default single-label or multi-label, by the form of the targets.

    Returns:
        The numbers of the task, and the metrics by name. For single-label tasks loss, accuracy, f1_macro, f1_micro,
        confusion_matrix (rows are true) and per_class; for ordinal ones also mae_ranks and qwk. For multi-label tasks,
        at a threshold of 0.5, accuracy is the fraction of images with all labels correct, confusion_matrix is
        (K, 2, 2), and hamming_loss and mean_average_precision are added; ``at_thresholds`` holds the numbers that
        depend on the thresholds. For a regression loss, mae, rmse, r2, spearman and per_output.

    Raises:
        TrainingError: the probabilities of an image are not finite.
    """
    task = task_of(targets) if task is None else task
    with torch.inference_mode():
        found: Numbers = {} if loss_fn is None else {"loss": loss_of(loss_fn, logits, targets, outputs)}
        logits, targets = task.read(logits), task.read_targets(targets)
        _check_answers(task.probabilities(logits))
        found |= task.numbers(logits, targets, classes)
        if thresholds is not None:
            found["at_thresholds"] = task.at_thresholds(logits, targets, classes, thresholds)
    for name, metric in (metrics or {}).items():
        value = measure(metric, logits, targets, outputs)
        found[name] = value.item() if value.ndim == 0 else value.tolist()
    return found


def loss_of(loss_fn: Callable[..., Tensor], logits: Tensor, targets: Tensor, outputs: Outputs = NO_OUTPUTS) -> float:
    """Compute a loss in evaluation mode."""
    if (module := loss_module(loss_fn)) is not None:
        module.eval()
    return float(call_scored(loss_fn, logits, targets, outputs))


def measure(metric: Any, logits: Tensor, targets: Tensor, outputs: Outputs = NO_OUTPUTS) -> Tensor:
    """Compute a metric on these logits alone, independent of its earlier state and of other processes."""
    with as_single_process():
        metric.reset()
        call_scored(metric.update, logits, targets, outputs)
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
    logits: Tensor,
    targets: Tensor,
    names: Sequence[str],
    classes: Sequence[str],
    most: int = 20,
    task: Task | None = None,
) -> Mistakes:
    """Worst mistakes, the most confident ones or the largest errors first, from logits that the task has read."""
    with torch.inference_mode():
        return (task or task_of(targets)).mistakes(logits, targets, names, classes, most)
