"""One epoch of training. Plain arguments only: no Job, no registry, no console."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.engine.execution import Execution
from zoo.engine.gradient_sync import APART, Together
from zoo.engine.optimizers import to_evaluation_weights, to_training_weights
from zoo.engine.outputs import loss_module
from zoo.engine.ranks import ALONE, Ranks, is_divided
from zoo.engine.step import Loss, StepConfig, StepOutput, TrainStep
from zoo.engine.totals import Totals
from zoo.errors import TrainingError
from zoo.registry.suggest import listing

__all__ = ["EpochProgress", "check_state", "train_epoch"]

Batch = tuple[Tensor, Tensor]
OnStep = Callable[[int, Totals], bool | None]
OnBatch = Callable[[Tensor, Tensor], Batch]
_TRY = "Try a smaller learning rate (--lr), --set train.clip_norm=1.0, or --precision fp32."


@dataclass(frozen=True)
class EpochProgress:
    """Steps of an epoch that were done before, and the observers of the others.

    Args:
        totals: of the steps done before, continued in place; by default new ones, of single-label targets.
        done: number of the steps done before; the batches are those of the others.
        on_step: called after each step with the number of images seen, and this process's part of the totals; returns
            True to end the epoch.
        on_pieces: receives the new number of pieces of a batch when a GPU's memory was too small.
        on_batch: called with each batch, and returns the batch to train on.
        on_output: called with the output of each step, before ``on_step``.
    """

    totals: Totals | None = None
    done: int = 0
    on_step: OnStep | None = None
    on_pieces: Callable[[int], None] | None = None
    on_batch: OnBatch = lambda images, targets: (images, targets)
    on_output: Callable[[StepOutput], None] = lambda found: None


def train_epoch(
    model: nn.Module,
    batches: Iterable[Batch],
    loss_fn: Loss,
    optimizer: torch.optim.Optimizer,
    execution: Execution,
    config: StepConfig = StepConfig(),
    progress: EpochProgress = EpochProgress(),
    together: Together = APART,
) -> Totals:
    """Train on every batch once.

    Args:
        batches: images (n, C, H, W) and targets (n,) or (n, K), on the model's device.
        config: options of each step.
        progress: steps done before, and observers.
        together: how several processes share the steps.

    An optimizer with two sets of weights leaves those of evaluation in the model, unless an observer raises.

    Returns:
        The totals of the epoch, of all processes.

    Raises:
        TrainingError: the loss is not finite; names the step. Or a weight isn't, at the end. The weights are no longer
            good then.
    """
    to_training_weights(optimizer)
    own = loss_module(loss_fn)
    for part in (model, *([] if own is None else [own])):
        part.train()
    for module in config.frozen:
        module.training = False  # not eval(): that would reach what isn't frozen inside of it
    totals = progress.totals or Totals(execution.device)
    step = TrainStep(model, loss_fn, optimizer, execution, config, together, progress.on_pieces)
    for number, (images, targets) in enumerate(batches, start=progress.done + 1):
        images, targets = progress.on_batch(images, targets)
        found = step(images, targets)
        if found.weight:
            totals.add(found.loss, found.logits, targets)
        if execution.device.type == "cpu":  # free here; elsewhere it would be a sync point at every step
            _check_finite(float(found.whole), number)
        progress.on_output(found)
        if progress.on_step is not None and progress.on_step(totals.seen, totals):
            break
    to_evaluation_weights(optimizer)
    totals.gather(together.ranks)
    check_state(totals, model, together.ranks, own)
    return totals


def check_state(totals: Totals, model: nn.Module, ranks: Ranks = ALONE, loss: nn.Module | None = None) -> None:
    """Refuse a state that training can't continue from, before it is saved.

    The loss alone does not suffice: a NaN gradient corrupts the weights although the loss is finite.

    Args:
        totals: of all processes.
        loss: the loss, where it may have weights.

    Raises:
        TrainingError: the mean loss, or a weight, is not finite.
    """
    _check_finite(totals.loss, None)
    own = _spoilt(model) + ([] if loss is None else [f"loss.{name}" for name in _spoilt(loss)])
    spoilt = list(dict.fromkeys(name for names in ranks.all(own) for name in names))
    if spoilt:
        raise TrainingError(f"Weights became NaN or infinite ({listing(spoilt, most=3)}). {_TRY}")


def _spoilt(model: nn.Module) -> list[str]:
    """Parameters that aren't finite, and buffers that hold NaN: a mask may well be infinite."""
    whole = {name: p for name, p in model.named_parameters() if not is_divided(p)}
    parts = {name: p.to_local() for name, p in model.named_parameters() if is_divided(p)}  # type: ignore[attr-defined]
    good = {name: values.isfinite().all() for name, values in (whole | parts).items()}
    good |= {name: ~buffer.isnan().any() for name, buffer in model.named_buffers()}
    return [name for name, fine in good.items() if not fine]


def _check_finite(loss: float, step: int | None) -> None:
    if not math.isfinite(loss):
        where = "" if step is None else f" at step {step} of the epoch"
        raise TrainingError(f"The loss became {loss}{where}. {_TRY}")
