"""One epoch of training. Plain arguments only: no Job, no registry, no console."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.averaging import APART, Averaging, Together
from zoo.engine.batch_weights import weighed
from zoo.engine.distill import Distillation
from zoo.engine.execution import Execution
from zoo.engine.layer_groups import Block
from zoo.engine.ranks import ALONE, Ranks, is_divided
from zoo.engine.task import SINGLE_LABEL, Task
from zoo.engine.totals import Totals
from zoo.errors import TrainingError
from zoo.registry.suggest import listing

Batch = tuple[Tensor, Tensor]
OnStep = Callable[[int, Totals], None]
_TRY = "Try a smaller learning rate (--lr), --set train.clip_norm=1.0, or --precision fp32."


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
    accumulate: int = 1,
    penalty: Callable[[], Tensor] | None = None,
    distill: Distillation | None = None,
    frozen: Sequence[nn.Module] = (),
    after_step: Callable[[], None] | None = None,
    on_step: OnStep | None = None,
    task: Task = SINGLE_LABEL,
    totals: Totals | None = None,
    done: int = 0,
    on_pieces: Callable[[int], None] | None = None,
    together: Together = APART,
) -> Totals:
    """Train on every batch once.

    Args:
        batches: images (n, C, H, W) and targets (n,) or (n, K), on the model's device.
        schedule: ``step()`` is called after each optimizer step.
        scaler: for float16.
        clip_norm: largest norm of the gradient.
        accumulate: in how many pieces a batch is computed; the step is that of the whole batch where the loss is a
            mean over images, or tells its weights (:mod:`zoo.engine.batch_weights`), but for a batch norm's statistics.
        penalty: added to what is minimised; the loss that is told is without it.
        distill: a teacher whose answers count beside the targets; the loss that is told is that of the targets.
        frozen: layers that stay as in evaluation.
        after_step: called after each step; moving averages of the weights hang here.
        on_step: told the number of images seen, and the totals.
        task: says which answers the totals count as right.
        totals: those of the epoch so far, which go on; by default new ones.
        done: how many of the epoch's steps were done before; ``batches`` has the others.
        on_pieces: told in how many pieces batches are computed from now on, when a GPU's memory was too small.
        together: how several processes share the steps; ``on_step`` has this one's part of the totals.

    Raises:
        TrainingError: the loss is not finite; names the step. Or a weight isn't, at the end. The weights are no longer
            good then.
    """
    model.train()
    for module in frozen:
        module.training = False  # not eval(): that would reach what isn't frozen inside of it
    totals = totals or Totals(execution.device, task)
    scaler = scaler or torch.amp.GradScaler(execution.device.type, enabled=False)
    learning = [p for group in optimizer.param_groups for p in group["params"]]
    with Averaging(learning, together) as averaging:
        for step, (images, targets) in enumerate(batches, start=done + 1):
            weight = together.weigh()
            loss_of_part = weighed(loss_fn, targets, weight, together.ranks)
            how = (loss_of_part, execution, scaler, distill, weight, averaging)
            optimizer.zero_grad(set_to_none=True)
            while True:
                try:
                    logits, loss = _backward(model, images, targets, accumulate, *how)
                    break
                except torch.OutOfMemoryError as error:
                    accumulate = _more_pieces(accumulate, len(images), averaging, error)
                optimizer.zero_grad(set_to_none=True)
                if on_pieces is not None:
                    on_pieces(accumulate)
            whole = averaging.done(loss * weight)
            if penalty is not None:  # the same on every process
                scaler.scale(penalty()).backward()  # type: ignore[no-untyped-call]
            _clip(model, optimizer, scaler, clip_norm)
            scaler.step(optimizer)
            scaler.update()
            if schedule is not None:
                schedule.step()
            if after_step is not None:
                after_step()
            if weight:
                totals.add(loss, logits, targets)
            if execution.device.type == "cpu":  # free here; elsewhere it would be a sync point at every step
                _check_finite(float(whole.detach()), step)
            if on_step is not None:
                on_step(totals.seen, totals)
    totals.gather(together.ranks)
    check_state(totals, model, together.ranks)
    return totals


def _backward(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    pieces: int,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    execution: Execution,
    scaler: torch.amp.GradScaler,
    distill: Distillation | None,
    weight: float,
    averaging: Averaging,
) -> tuple[Tensor, Tensor]:
    """Add a batch's gradients, piece by piece; its logits (n, K) and mean loss, detached."""
    found: list[Tensor] = []
    total = torch.zeros((), device=images.device)
    chunks = list(zip(images.chunk(pieces), targets.chunk(pieces), strict=True))
    for i, (some, goals) in enumerate(chunks, start=1):
        with execution.autocast():
            logits = model(some)
            loss = loss_fn(logits, goals)
            minimised = loss if distill is None else distill(loss, logits, some)
        share = len(some) / len(images)
        if i == len(chunks):
            averaging.last()
        scaler.scale(minimised * (share * weight)).backward()  # type: ignore[no-untyped-call]
        found.append(logits.detach())
        total = total + (loss if distill is None else _told(loss, minimised)).detach() * share
    return torch.cat(found), total


def _more_pieces(pieces: int, images: int, averaging: Averaging, error: torch.OutOfMemoryError) -> int:
    """Twice as many, which take half of the memory."""
    if averaging.begun:
        raise TrainingError(
            "The memory became too small in the middle of a step that other processes have a part of. "
            f"Type: --set train.accumulate={2 * pieces}"
        )
    averaging.retry()
    if pieces >= images:
        first = str(error).partition(". ")[0]
        raise TrainingError(f"One image at a time is too much for the memory: {first}. Try a smaller --image-size.")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return min(2 * pieces, images)


def _told(loss: Tensor, minimised: Tensor) -> Tensor:
    """The loss, unless what is minimised beside it is no number; asking the device that would be a sync point."""
    return torch.where(minimised.isfinite(), loss, minimised)


def _clip(
    model: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, clip_norm: float | None
) -> None:
    if clip_norm is not None:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), clip_norm)


def check_state(totals: Totals, model: nn.Module, ranks: Ranks = ALONE) -> None:
    """Refuse a state that no training can go on from, before it is kept.

    The loss alone doesn't tell: a gradient that is no number spoils the weights after a loss that is one.

    Args:
        totals: of all processes.

    Raises:
        TrainingError: the mean loss, or a weight, is not finite.
    """
    _check_finite(totals.loss, None)
    spoilt = list(dict.fromkeys(name for names in ranks.all(_spoilt(model)) for name in names))
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


def parameter_groups(
    blocks: Sequence[Block],
    lr: float,
    weight_decay: float,
    *,
    head_lr: float | None = None,
    layer_decay: float = 1.0,
    exempt: Collection[int] = (),
) -> list[dict[str, Any]]:
    """Parameters in groups of one learning rate each: weights that decay; norms and biases that don't.

    Args:
        blocks: of the network, its head last.
        lr: the head's, unless it has its own, and its neighbour's.
        layer_decay: factor from each block to the one before it (Clark et al. 2020, arXiv:2003.10555, section 3).
        exempt: ids of further parameters that don't decay.

    Source: parameters of one dimension are scales and biases, whose decay has no regularising sense
    (Goyal et al. 2017, section 3; timm does the same).
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for i, block in enumerate(blocks):
        rate = lr * layer_decay ** (len(blocks) - 1 - i)
        if head_lr is not None and i == len(blocks) - 1:
            rate = head_lr
        for parameter in block.parameters:
            decays = parameter.ndim > 1 and id(parameter) not in exempt
            groups.setdefault((rate, decays), []).append(parameter)
    ordered = sorted(groups.items(), key=lambda item: (-item[0][0], not item[0][1]))
    return [
        {"params": parameters, "lr": rate, "weight_decay": weight_decay if decays else 0.0}
        for (rate, decays), parameters in ordered
    ]


def weight_penalty(parameters: Iterable[nn.Parameter], l1: float, l2: float) -> Callable[[], Tensor]:
    """``l1 * sum |w| + l2 / 2 * sum w^2`` over the weights that learn and have more than one dimension."""
    weights = [p for p in parameters if p.ndim > 1]

    def penalty() -> Tensor:
        learning = [w for w in weights if w.requires_grad]
        terms = [l1 * w.abs().sum() + l2 / 2 * w.square().sum() for w in learning]
        return torch.stack(terms).sum() if terms else torch.zeros((), requires_grad=True)

    return penalty
