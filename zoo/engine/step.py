"""One training step: the gradients of a batch, averaged over the processes, and the optimizer's update."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.engine.batch_weights import weighed
from zoo.engine.distill import Distillation
from zoo.engine.execution import Execution
from zoo.engine.gradient_sync import APART, GradientSync, Together, Values
from zoo.engine.optimizers import needs_closure
from zoo.engine.outputs import Outputs, call_scored, with_outputs
from zoo.errors import TrainingError

__all__ = ["Loss", "StepConfig", "StepOutput", "TrainStep"]

Loss = Callable[..., Tensor]
"""Logits (n, K), targets, and outputs of the network that it names -> a scalar."""
Network = Callable[[Tensor], tuple[Tensor, Outputs]]
"""Images (n, C, H, W) -> logits (n, K) and further outputs."""


@dataclass(frozen=True)
class StepConfig:
    """Options of a training step.

    Args:
        schedule: ``step()`` is called after each optimizer step.
        scaler: for float16.
        clip_norm: largest norm of the gradient; None leaves gradients as they are.
        accumulate: number of pieces that a batch is computed in; the step is that of the whole batch where the loss is
            a mean over images, or reports its weights (:mod:`zoo.engine.batch_weights`), but for the statistics of
            batch norms.
        penalty: returns a scalar that is added to the minimised loss; the reported loss is without it.
        distill: a teacher whose logits count beside the targets; the reported loss is that of the targets.
        frozen: layers that stay in evaluation mode.
        after_step: called after each step, to update moving averages of the weights.
    """

    schedule: Any | None = None
    scaler: torch.amp.GradScaler | None = None
    clip_norm: float | None = None
    accumulate: int = 1
    penalty: Callable[[], Tensor] | None = None
    distill: Distillation | None = None
    frozen: Sequence[nn.Module] = ()
    after_step: Callable[[], None] | None = None


class StepOutput(NamedTuple):
    """Results of a step, detached.

    Args:
        logits: (n, K), of this process's part of the batch, before the weights moved.
        loss: mean over this process's part.
        whole: mean over the whole batch, that of all processes.
        weight: of this process's part; 0 where it has none.
    """

    logits: Tensor
    loss: Tensor
    whole: Tensor
    weight: float


class _Pass(NamedTuple):
    """Logits (n, K), the mean reported loss and the mean minimised loss of this process's part, detached."""

    logits: Tensor
    loss: Tensor
    minimised: Tensor


class TrainStep:
    """A training step, called with images (n, C, H, W) and targets (n,) or (n, K).

    Args:
        model: called with images, in training mode.
        optimizer: over the parameters that learn; one that needs a closure gets one that computes the same batch again.
        execution: precision of the forward pass.
        together: how several processes share the steps.
        on_pieces: receives the new number of pieces when the memory was too small for the one before.

    Raises:
        TrainingError: from a call, the memory is too small for a single image.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: Loss,
        optimizer: torch.optim.Optimizer,
        execution: Execution,
        config: StepConfig,
        together: Together = APART,
        on_pieces: Callable[[int], None] | None = None,
    ):
        self.model, self.loss_fn, self.optimizer, self.execution = model, loss_fn, optimizer, execution
        self.config, self.together, self.on_pieces = config, together, on_pieces
        self.pieces = config.accumulate
        self.scaler = config.scaler or torch.amp.GradScaler(execution.device.type, enabled=False)
        self.network = with_outputs(model, loss_fn)
        own = set(model.parameters())
        learning = [p for group in optimizer.param_groups for p in group["params"]]
        self.sync = GradientSync(learning, together)
        self.clipped = [*model.parameters(), *(p for p in learning if p not in own)]  # the loss may have some
        self.repeats = needs_closure(optimizer)

    def __call__(self, images: Tensor, targets: Tensor) -> StepOutput:
        weight = self.together.weigh()
        loss_of_part = weighed(self.loss_fn, targets, weight, self.together.ranks)
        done = self._gradients(images, targets, loss_of_part, weight)
        whole, _ = self._finish(done.loss * weight)

        def again() -> Tensor:
            """Compute the gradients at other weights; the minimised value of the whole batch."""
            with torch.enable_grad(), _without_statistics(self.model):
                found = self._gradients(images, targets, loss_of_part, weight)
                value, penalty = self._finish(found.minimised * weight)
            return value + penalty

        self._update(again)
        return StepOutput(done.logits, done.loss, whole, weight)

    def _finish(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Average the gradients, add those of the penalty, and clip them.

        Returns:
            The mean of the value over the processes, and the penalty.
        """
        config, penalty = self.config, torch.zeros((), device=value.device)
        whole = self.sync.finish(value)
        if config.penalty is not None:  # the same on every process
            penalty = config.penalty()
            self.scaler.scale(penalty).backward()  # type: ignore[no-untyped-call]
        if config.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.clipped, config.clip_norm)
        return whole, penalty.detach()

    def _gradients(self, images: Tensor, targets: Tensor, loss_fn: Loss, weight: float) -> _Pass:
        """Compute a batch's gradients, in more pieces where the memory is too small."""
        self.optimizer.zero_grad(set_to_none=True)
        while True:
            try:
                return self._backward(images, targets, loss_fn, weight)
            except torch.OutOfMemoryError as error:
                self.pieces = _more_pieces(self.pieces, len(images), self.sync, error)
            self.optimizer.zero_grad(set_to_none=True)
            if self.on_pieces is not None:
                self.on_pieces(self.pieces)

    def _backward(self, images: Tensor, targets: Tensor, loss_fn: Loss, weight: float) -> _Pass:
        """Add a batch's gradients, piece by piece."""
        found: list[Tensor] = []
        total = goal = torch.zeros((), device=images.device)
        chunks = list(zip(images.chunk(self.pieces), targets.chunk(self.pieces), strict=True))
        for i, (some, goals) in enumerate(chunks, start=1):
            # An error of the backward pass is attributed to the components that are named in this function.
            compute = partial(self._forward, self.network, loss_fn, some, goals)
            values = self.sync.forward(compute, last=i == len(chunks))
            share = len(some) / len(images)
            self.scaler.scale(values.minimised * (share * weight)).backward()  # type: ignore[no-untyped-call]
            found.append(values.logits)
            total = total + values.loss * share
            goal = goal + values.minimised.detach() * share
        return _Pass(torch.cat(found), total, goal)

    def _forward(self, network: Network, loss_fn: Loss, images: Tensor, targets: Tensor) -> Values:
        """Run the forward pass of a piece of a batch."""
        distill = self.config.distill
        with self.execution.autocast():
            logits, outputs = network(images)
            loss = call_scored(loss_fn, logits, targets, outputs)
            minimised = loss if distill is None else distill(loss, logits, images)
        reported = loss if distill is None else _reported(loss, minimised)
        return Values(minimised, reported.detach(), logits.detach())

    def _update(self, again: Callable[[], Tensor]) -> None:
        """Step the optimizer, and then what follows it.

        Args:
            again: computes the gradients again, for an optimizer that needs a closure.
        """
        config = self.config
        self.scaler.step(self.optimizer, *([again] if self.repeats else []))
        self.scaler.update()
        if config.schedule is not None:
            config.schedule.step()
        if config.after_step is not None:
            config.after_step()


@contextlib.contextmanager
def _without_statistics(model: nn.Module) -> Iterator[None]:
    """Keep batch norms from updating their running statistics, which count each batch once."""
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.training and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def _more_pieces(pieces: int, images: int, sync: GradientSync, error: torch.OutOfMemoryError) -> int:
    """Double the number of pieces, which halves the memory they take."""
    if sync.begun:
        raise TrainingError(
            "Out of memory in a training step that is shared with other processes. Type: --set "
            f"train.accumulate={2 * pieces}"
        )
    sync.retry()
    if pieces >= images:
        first = str(error).partition(". ")[0]
        raise TrainingError(f"Out of memory with a single image: {first}. Try a smaller --image-size.")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return min(2 * pieces, images)


def _reported(loss: Tensor, minimised: Tensor) -> Tensor:
    """The loss, unless the minimised one is not finite; asking the device for that would be a sync point."""
    return torch.where(minimised.isfinite(), loss, minimised)
