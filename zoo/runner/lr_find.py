"""The learning-rate range test: train a hundred steps at a rising rate, and see where the loss falls.

Source: Smith 2015 (arXiv:1506.01186), as popularised by fastai (Howard and Gugger).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.batch_weights import weight_of
from zoo.engine.train import EpochProgress, train_epoch
from zoo.errors import RequestError, TrainingError
from zoo.runner.checkpoint import random_states, restore_random_states
from zoo.runner.components import RunComponents

LOWEST, HIGHEST, STEPS = 1e-7, 10.0, 100
SMOOTHING = 0.98
DIVERGED = 4.0
"""The test ends when the smoothed loss exceeds this multiple of its minimum."""
BEGUN = 0.1
"""Fraction of the loss's fall at which the fall counts as begun."""
RULE = "valley"
"""The suggestion that ``--lr auto`` uses."""


@dataclass(frozen=True)
class RangeTest:
    """The result of a range test.

    Args:
        lrs: learning rate of each step, rising; that of the parameter group with the job's own rate.
        losses: loss of each step, before its update.
        smoothed: bias-corrected exponential moving average of the losses.
        suggestions: rule -> learning rate, rounded to two digits; empty where the loss never fell.
        ended: reason for the end, in a few words.
    """

    lrs: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestions: dict[str, float]
    ended: str

    @property
    def lr(self) -> float | None:
        """The learning rate that ``--lr auto`` uses; None where the loss never fell."""
        return self.suggestions.get(RULE)

    def as_dict(self) -> dict[str, Any]:
        """Return the entries of a result document."""
        curve = {"lrs": _rounded(self.lrs), "losses": _rounded(self.losses), "smoothed": _rounded(self.smoothed)}
        return {"lr": self.lr, "rule": RULE, "suggestions": self.suggestions, "ended": self.ended, **curve}


def find_lr(
    parts: RunComponents,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> RangeTest:
    """Run the range test on the components of a run, which are restored afterwards.

    The steps are training's own, on its batches, with a separate optimizer; the batches repeat if there are too few.
    Parameter groups with their own rates keep their ratio to the job's.

    Args:
        lowest, highest: rates of the first and the last step; they rise geometrically.
        on_step: called with the number of finished steps and their total.

    Raises:
        RequestError: the memory is too small for a batch of a loss that needs the whole batch.
    """
    with as_before(parts):
        parts.begin_epoch(1)
        rise = math.log(highest / lowest) / max(steps - 1, 1)
        optimizer = parts.new_optimizer()
        sweep = _Sweep(optimizer, [lowest * math.exp(i * rise) for i in range(steps)], parts.job.train.lr)
        with contextlib.suppress(TrainingError):  # a non-finite loss ends the test like any other reason
            train_epoch(
                parts.learner.trained,
                _cycled_batches(parts, sweep),
                sweep.listen(parts.loss_fn),
                optimizer,
                parts.execution,
                parts.trial_config(schedule=sweep),
                EpochProgress(
                    on_step=lambda seen, totals: on_step(len(sweep.losses), steps),
                    on_pieces=partial(_check_memory, parts),
                ),
            )
    on_step(steps, steps)
    return judge(sweep.lrs[: len(sweep.losses)], sweep.losses, sweep.ended)


def _check_memory(parts: RunComponents, pieces: int) -> None:
    if (refusal := parts.scoring.out_of_memory(pieces)) is not None:
        raise RequestError(refusal)


def _cycled_batches(parts: RunComponents, sweep: _Sweep) -> Iterator[tuple[Tensor, Tensor]]:
    epoch = 1
    while not sweep.ended:
        parts.train_batches.epoch = epoch
        for batch in parts.train_batches:
            yield batch
            if sweep.ended:
                return
        epoch += 1


class _Sweep:
    """A schedule that raises the rate, records the loss, and ends the test.

    Args:
        lrs: learning rates of the steps, for a parameter group whose rate is ``lr``.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, lrs: list[float], lr: float):
        self.optimizer, self.lrs = optimizer, lrs
        self.ratios = [group["lr"] / lr for group in optimizer.param_groups]
        self.losses: list[float] = []
        self.ended = ""
        self._pieces: list[tuple[Tensor, Tensor]] = []
        self._best = math.inf
        self._set(0)

    def _set(self, step: int) -> None:
        for group, ratio in zip(self.optimizer.param_groups, self.ratios, strict=True):
            group["lr"] = self.lrs[step] * ratio

    def listen(self, loss_fn: Any) -> Any:
        """Wrap the loss function to record its values."""

        def heard(logits: Tensor, targets: Tensor, **outputs: Tensor) -> Any:
            loss = loss_fn(logits, targets, **outputs)
            weight = weight_of(loss_fn, targets)
            self._pieces.append((loss.detach(), torch.as_tensor(len(targets) if weight is None else weight)))
            return loss

        heard.__wrapped__ = loss_fn  # type: ignore[attr-defined]
        return heard

    def step(self) -> None:
        """Record the loss of a finished optimizer step, and set the next rate or end the test."""
        pieces = [(float(value), float(weight)) for value, weight in self._pieces]
        loss = sum(value * weight for value, weight in pieces) / (sum(weight for _, weight in pieces) or 1.0)
        self._pieces = []
        if not math.isfinite(loss):
            self.ended = "the loss became NaN"
            return
        self.losses.append(loss)
        last = smooth(self.losses)[-1]
        self._best = min(self._best, last)
        if last > self._best + (DIVERGED - 1) * abs(self._best):
            self.ended = f"the loss rose to {DIVERGED:g} times its minimum"
        elif len(self.losses) == len(self.lrs):
            self.ended = "the end of the range was reached"
        else:
            self._set(len(self.losses))


def smooth(losses: Sequence[float], beta: float = SMOOTHING) -> list[float]:
    """Bias-corrected exponential moving average of the losses."""
    average, found = 0.0, []
    for i, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        found.append(average / (1 - beta**i))
    return found


def judge(lrs: Sequence[float], losses: Sequence[float], ended: str = "") -> RangeTest:
    """Evaluate a curve of losses by the suggestion rules."""
    smoothed = smooth(losses)
    found = suggest(lrs, smoothed)
    return RangeTest(list(lrs), list(losses), smoothed, {k: float(f"{v:.2g}") for k, v in found.items()}, ended)


def suggest(lrs: Sequence[float], smoothed: Sequence[float]) -> dict[str, float]:
    """Suggest learning rates by three rules; empty where the loss is lowest near the start.

    ``valley``: geometric mean of the rates where a tenth of the loss's fall is done and where the loss is lowest.
    ``steepest``: rate at which the loss falls fastest over the logarithm of the rate. ``minimum/10``: a tenth of the
    rate of the lowest loss.
    """
    first = len(smoothed) // 10  # an average of only a few losses is unreliable
    best = min(range(len(smoothed)), key=smoothed.__getitem__, default=0)
    if best <= first + 1:
        return {}
    before = median(smoothed[: best // 2 + 1])  # a median, as the loss of a single step is too noisy
    begun = before - BEGUN * (before - smoothed[best])
    start = max(i for i in range(best + 1) if smoothed[i] > begun or i == 0) + 1
    slopes = {i: smoothed[i + 1] - smoothed[i - 1] for i in range(first + 1, best)}
    return {
        "valley": math.sqrt(lrs[min(start, best)] * lrs[best]),
        "steepest": lrs[min(slopes, key=slopes.__getitem__)],
        "minimum/10": lrs[best] / 10,
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


@contextlib.contextmanager
def as_before(parts: RunComponents) -> Iterator[None]:
    """Restore the components of a run after a block: weights, counters, order of the batches and random states."""
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
