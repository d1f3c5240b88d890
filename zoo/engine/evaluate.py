"""One evaluation: every logit first, then each number once over all of them.

So a number never depends on the batch size or on a ragged last batch, for any loss and any metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.execution import Execution
from zoo.engine.scores import confusion_matrix, scores
from zoo.errors import ContractError


def predict_logits(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    execution: Execution,
    on_batch: Callable[[int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Logits (N, K) float32 and targets (N,) of every batch, in order, on the device."""
    model.eval()
    logits: list[Tensor] = []
    targets: list[Tensor] = []
    seen = 0
    with torch.inference_mode(), execution.autocast():
        for images, labels in batches:
            logits.append(model(images).float())
            targets.append(labels)
            seen += len(labels)
            if on_batch is not None:
                on_batch(seen)
    if not logits:
        raise ContractError("there are no images to evaluate")
    return torch.cat(logits), torch.cat(targets)


def evaluate_logits(
    logits: Tensor,
    targets: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    classes: Sequence[str],
    metrics: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Every number of an evaluation.

    Args:
        logits: (N, K) float32.
        targets: (N,) int64.
        metrics: name -> an object with ``update``, ``compute`` and ``reset``.

    Returns:
        loss, accuracy, f1_macro, f1_micro, confusion_matrix (rows are true), per_class, and the metrics by name.
    """
    with torch.inference_mode():
        loss = float(loss_fn(logits, targets))
        predicted = logits.argmax(dim=1)
    matrix = confusion_matrix(targets.cpu(), predicted.cpu(), len(classes))
    found: dict[str, Any] = {"loss": loss, **scores(matrix, classes)}
    for name, metric in (metrics or {}).items():
        metric.reset()
        metric.update(logits, targets)
        value = torch.as_tensor(metric.compute())
        found[name] = value.item() if value.ndim == 0 else value.tolist()
    return found


def worst_mistakes(
    logits: Tensor, targets: Tensor, names: Sequence[str], classes: Sequence[str], most: int = 20
) -> list[dict[str, Any]]:
    """The wrong answers given with the most confidence, worst first."""
    confidences, predicted = logits.softmax(dim=1).max(dim=1)
    wrong = torch.nonzero(predicted != targets).flatten()
    order = wrong[confidences[wrong].argsort(descending=True, stable=True)][:most].tolist()
    return [
        {
            "name": str(names[i]),
            "true": classes[int(targets[i])],
            "predicted": classes[int(predicted[i])],
            "confidence": float(confidences[i]),
        }
        for i in order
    ]
