"""One epoch of training. Plain arguments only: no Job, no registry, no console."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.execution import Execution
from zoo.engine.totals import Totals
from zoo.errors import TrainingError

Batch = tuple[Tensor, Tensor]
OnStep = Callable[[int, Totals], None]


def train_epoch(
    model: nn.Module,
    batches: Iterable[Batch],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    execution: Execution,
    *,
    schedule: Any | None = None,
    scaler: torch.amp.GradScaler | None = None,
    clip_norm: float | None = None,
    after_step: Callable[[], None] | None = None,
    on_step: OnStep | None = None,
) -> Totals:
    """Train on every batch once.

    Args:
        batches: images (n, C, H, W) and targets (n,) or (n, K), on the model's device.
        schedule: ``step()`` is called after each optimizer step.
        scaler: for float16.
        clip_norm: largest norm of the gradient.
        after_step: called after each step; moving averages of the weights hang here.
        on_step: told the number of images seen, and the totals.

    Raises:
        TrainingError: the loss is not finite; names the step. The weights are no longer good then.
    """
    model.train()
    totals = Totals(execution.device)
    scaler = scaler or torch.amp.GradScaler(execution.device.type, enabled=False)
    for step, (images, targets) in enumerate(batches, start=1):
        with execution.autocast():
            logits = model(images)
            loss = loss_fn(logits, targets)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        _clip(model, optimizer, scaler, clip_norm)
        scaler.step(optimizer)
        scaler.update()
        if schedule is not None:
            schedule.step()
        if after_step is not None:
            after_step()
        totals.add(loss, logits, targets)
        if execution.device.type == "cpu":  # free here; elsewhere it would be a sync point at every step
            _check_finite(float(loss.detach()), step)
        if on_step is not None:
            on_step(totals.seen, totals)
    _check_finite(totals.loss, None)
    return totals


def _clip(
    model: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, clip_norm: float | None
) -> None:
    if clip_norm is not None:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), clip_norm)


def _check_finite(loss: float, step: int | None) -> None:
    if not torch.isfinite(torch.tensor(loss)):
        where = "" if step is None else f" at step {step} of the epoch"
        raise TrainingError(
            f"The loss became {loss}{where}. Try a smaller learning rate (--lr), --set train.clip_norm=1.0, "
            "or --precision fp32."
        )


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: weights that decay; norms and biases that don't.

    Source: parameters of one dimension are scales and biases, whose decay has no regularising sense
    (Goyal et al. 2017, section 3; timm does the same).
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
