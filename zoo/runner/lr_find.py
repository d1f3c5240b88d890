"""The learning-rate range test: train a hundred steps with a rate that rises, and see where the loss falls.

Smith 2015 (arXiv:1506.01186), as Howard and Gugger made it popular in fastai.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.train import EpochProgress, train_epoch
from zoo.errors import TrainingError
from zoo.runner.checkpoint import random_states, restore_random_states
from zoo.runner.components import RunComponents

LOWEST, HIGHEST, STEPS = 1e-7, 10.0, 100
SMOOTHING = 0.98
DIVERGED = 4.0
"""The test ends when the smoothed loss is so many times its best."""
BEGUN = 0.1
"""A fall has begun where so much of it is done."""
RULE = "valley"
"""The suggestion that ``--lr auto`` takes."""


@dataclass(frozen=True)
class RangeTest:
    """What a range test has found.

    Args:
        lrs: the rate of each step, rising; of the group of parameters that learns with the job's own rate.
        losses: of each step, before its weights moved.
        smoothed: the losses' moving average.
        suggestions: rule -> learning rate, to two digits; none where the loss never fell.
        ended: why it ended, in a few words.
    """

    lrs: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestions: dict[str, float]
    ended: str

    @property
    def lr(self) -> float | None:
        """What ``--lr auto`` takes."""
        return self.suggestions.get(RULE)

    def as_dict(self) -> dict[str, Any]:
        """As a result document has it."""
        curve = {"lrs": _digits(self.lrs), "losses": _digits(self.losses), "smoothed": _digits(self.smoothed)}
        return {"lr": self.lr, "rule": RULE, "suggestions": self.suggestions, "ended": self.ended, **curve}


def find_lr(
    parts: RunComponents,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> RangeTest:
    """Test a range of rates on the parts of a run, and leave these as they were.

    The steps are training's own, on its batches, with an optimizer of their own; fewer batches than steps come round
    again. Groups of parameters with rates of their own keep the ratio.

    Args:
        lowest, highest: the rates of the first step and the last; they rise by the same factor from step to step.
        on_step: told how many steps are done, and of how many.
    """
    with as_before(parts):
        parts.begin_epoch(1)
        rise = math.log(highest / lowest) / max(steps - 1, 1)
        optimizer = parts.new_optimizer()
        sweep = _Sweep(optimizer, [lowest * math.exp(i * rise) for i in range(steps)], parts.job.train.lr)
        with contextlib.suppress(TrainingError):  # a loss that is no number is an end as good as any
            train_epoch(
                parts.learner.trained,
                _round_and_round(parts, sweep),
                sweep.listen(parts.loss_fn),
                optimizer,
                parts.execution,
                parts.trial_config(schedule=sweep),
                EpochProgress(on_step=lambda seen, totals: on_step(len(sweep.losses), steps)),
            )
    on_step(steps, steps)
    return judge(sweep.lrs[: len(sweep.losses)], sweep.losses, sweep.ended)


def _round_and_round(parts: RunComponents, sweep: _Sweep) -> Iterator[tuple[Tensor, Tensor]]:
    epoch = 1
    while not sweep.ended:
        parts.train_batches.epoch = epoch
        for batch in parts.train_batches:
            yield batch
            if sweep.ended:
                return
        epoch += 1


class _Sweep:
    """A schedule that rises, listens to the loss, and knows when to end.

    Args:
        lrs: of the steps, for a group of parameters that is made with ``lr``.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, lrs: list[float], lr: float):
        self.optimizer, self.lrs = optimizer, lrs
        self.ratios = [group["lr"] / lr for group in optimizer.param_groups]
        self.losses: list[float] = []
        self.ended = ""
        self._pieces: list[Tensor] = []
        self._best = math.inf
        self._set(0)

    def _set(self, step: int) -> None:
        for group, ratio in zip(self.optimizer.param_groups, self.ratios, strict=True):
            group["lr"] = self.lrs[step] * ratio

    def listen(self, loss_fn: Any) -> Any:
        """The same loss, heard."""

        def heard(logits: Tensor, targets: Tensor) -> Any:
            loss = loss_fn(logits, targets)
            self._pieces.append(loss.detach())
            return loss

        heard.batch_weight = getattr(loss_fn, "batch_weight", None)  # type: ignore[attr-defined]
        return heard

    def step(self) -> None:
        """An optimizer step is done: take down its loss, and set the next rate or end."""
        loss = float(torch.stack(self._pieces).mean())
        self._pieces = []
        if not math.isfinite(loss):
            self.ended = "the loss was no number any longer"
            return
        self.losses.append(loss)
        last = smooth(self.losses)[-1]
        self._best = min(self._best, last)
        if last > self._best + (DIVERGED - 1) * abs(self._best):
            self.ended = f"the loss had risen to {DIVERGED:g} times its best"
        elif len(self.losses) == len(self.lrs):
            self.ended = "all of the range was tried"
        else:
            self._set(len(self.losses))


def smooth(losses: Sequence[float], beta: float = SMOOTHING) -> list[float]:
    """The exponential moving average, with the bias of its beginning taken out."""
    average, found = 0.0, []
    for i, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        found.append(average / (1 - beta**i))
    return found


def judge(lrs: Sequence[float], losses: Sequence[float], ended: str = "") -> RangeTest:
    """The suggestions of a curve."""
    smoothed = smooth(losses)
    found = suggest(lrs, smoothed)
    return RangeTest(list(lrs), list(losses), smoothed, {k: float(f"{v:.2g}") for k, v in found.items()}, ended)


def suggest(lrs: Sequence[float], smoothed: Sequence[float]) -> dict[str, float]:
    """Learning rates by three rules; none where the loss is lowest near the start.

    ``valley``: the middle of the fall, which begins where a tenth of it is done, and ends where the loss is lowest.
    ``steepest``: where the loss falls fastest over the logarithm of the rate. ``minimum/10``: a tenth of where it is
    lowest.
    """
    first = len(smoothed) // 10  # the average of a few losses is no average yet
    best = min(range(len(smoothed)), key=smoothed.__getitem__, default=0)
    if best <= first + 1:
        return {}
    before = median(smoothed[: best // 2 + 1])  # the loss of rates too small to change it; one step's is too noisy
    begun = before - BEGUN * (before - smoothed[best])
    start = max(i for i in range(best + 1) if smoothed[i] > begun or i == 0) + 1
    slopes = {i: smoothed[i + 1] - smoothed[i - 1] for i in range(first + 1, best)}
    return {
        "valley": math.sqrt(lrs[min(start, best)] * lrs[best]),
        "steepest": lrs[min(slopes, key=slopes.__getitem__)],
        "minimum/10": lrs[best] / 10,
    }


def _digits(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


@contextlib.contextmanager
def as_before(parts: RunComponents) -> Iterator[None]:
    """Try what you like on the parts of a run: weights, counters, order and random states are put back."""
    modules = [module for module in (parts.model, parts.loss_fn) if isinstance(module, nn.Module)]
    tensors = [t for module in modules for t in (*module.parameters(), *module.buffers())]
    kept = [tensor.detach().clone() for tensor in tensors]
    training = {module: module.training for top in modules for module in top.modules()}
    learning = [tensor.requires_grad for tensor in tensors]
    batches, states = dict(vars(parts.train_batches)), random_states()
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value, learns in zip(tensors, kept, learning, strict=True):
                tensor.copy_(value)
                tensor.grad = None
                tensor.requires_grad_(learns)
        for module, was in training.items():
            module.training = was
        vars(parts.train_batches).update(batches)
        restore_random_states(states)
