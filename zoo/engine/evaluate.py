"""One evaluation: every logit first, then each number once over all of them.

So a number never depends on the batch size or on a ragged last batch, for any loss and any metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.execution import Execution
from zoo.engine.fuse_bn import fold_norms
from zoo.engine.ranks import unseen
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
    """Logits (N, K) float32 and targets (N,) or (N, K) of every batch, in order, on the device.

    Batch norms are folded into their convolutions first, on a copy, which changes the last digits of a logit.

    Args:
        collect: what was made of some batches as what was made of all, where processes share them.
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
    """Every number of an evaluation.

    Args:
        logits: (N, K) float32.
        targets: (N,) int64; of several labels an image (N, K) float32 of 0 and 1.
        metrics: name -> an object with ``update``, ``compute`` and ``reset``.
        thresholds: K of them, for several labels.

    Returns:
        loss, accuracy, f1_macro, f1_micro, confusion_matrix (rows are true), per_class, and the metrics by name.
        Of several labels, at a threshold of 0.5, accuracy is the share of images that have all labels right,
        confusion_matrix (K, 2, 2), and there are hamming_loss and mean_average_precision; ``at_thresholds`` has those
        that change with the thresholds.

    Raises:
        TrainingError: an image has no answer: its logits give no probabilities.
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
    """A metric's value for these answers alone, whatever it has seen before, and whatever other processes have."""
    with unseen():
        metric.reset()
        metric.update(logits, targets)
        return torch.as_tensor(metric.compute())


def _check_answers(probabilities: Tensor) -> None:
    """Refuse to count what is no answer: of NaN the likeliest class is the first, which may well be the label."""
    lost = len(probabilities) - int(probabilities.isfinite().all(dim=1).sum())
    if lost:
        raise TrainingError(
            f"The network's answers to {lost} of {len(probabilities)} images are not numbers: 16 bits are too few for "
            "them (--set evaluation_precision=fp32), or its weights are spoilt (train again with a smaller --lr)."
        )


def worst_mistakes(
    logits: Tensor, targets: Tensor, names: Sequence[str], classes: Sequence[str], most: int = 20
) -> Mistakes:
    """The wrong answers given with the most confidence, worst first."""
    with torch.inference_mode():
        return task_of(targets).mistakes(logits, targets, names, classes, most)
