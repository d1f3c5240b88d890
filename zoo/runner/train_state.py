"""The live state of a training, which the callbacks of a run observe and may change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.runner.measurements import EpochRecord

__all__ = ["KeptState", "TrainState"]

KeptState = dict[str, Any]
"""What a checkpoint keeps of a callback: tensors and plain data."""

_RATES = ("lr", "initial_lr", "max_lr", "min_lr")
"""Entries of an optimizer's groups that schedules compute rates from."""


@dataclass(kw_only=True)
class TrainState:
    """The state of a training in progress; everything is live, so a change affects the training.

    Of several processes each has its own, and changes must be the same in all of them.

    Args:
        model: the network, on its device.
        optimizer: over the parameters that learn.
        schedule: of the learning rate, stepped after every optimizer step.
        folder: the run's folder.
        classes: names, in label order.
        epochs: number of epochs of the training.
        steps_per_epoch: number of optimizer steps in an epoch.
        epoch: number of the current epoch, from 1; 0 before the first.
        step: number of the current step in the epoch, from 1; 0 before the first.
        images: inputs of the step: images (n, C, H, W) float, normalised, or features (n, F) of a frozen backbone. A
            callback may replace them in ``batch_start``.
        targets: labels (n,) int64, or (n, K) float; likewise.
        logits: (n, K) of the step, before the weights moved; None before it.
        loss: loss of the step's batch, a scalar tensor on the device: converting it to a number waits for the device.
        history: records of the finished epochs.
        notice: shows a sentence to the user, which the report does not repeat.
        interrupt: interrupts the training after this step or the next, as Ctrl-C does; can be called in any thread, and
            in one of several processes.
        reason: reason to stop, once a callback has stopped the training.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Any
    folder: Path
    classes: Sequence[str]
    epochs: int
    steps_per_epoch: int
    notice: Callable[[str], None] = lambda text: None
    interrupt: Callable[[], None] = lambda: None
    epoch: int = 0
    step: int = 0
    images: Tensor | None = None
    targets: Tensor | None = None
    logits: Tensor | None = None
    loss: Tensor | None = None
    history: list[EpochRecord] = field(default_factory=list)
    reason: str | None = None
    _logged: dict[str, list[float]] = field(default_factory=dict)

    @property
    def global_step(self) -> int:
        """Number of the current step since the start of training, from 1."""
        return max(self.epoch - 1, 0) * self.steps_per_epoch + self.step

    @property
    def lr(self) -> float:
        """Learning rate of the next step; of several groups the largest."""
        return float(max(group["lr"] for group in self.optimizer.param_groups))

    @lr.setter
    def lr(self, value: float) -> None:
        if not value > 0:
            raise ValueError(f"lr must be positive, not {value!r}")
        if self.lr == 0:
            raise ValueError("lr can't be changed where the schedule has reached 0")
        self.scale_lr(value / self.lr)

    def scale_lr(self, factor: float) -> None:
        """Multiply the learning rate of all groups from the next step on; the schedule goes on from there.

        Raises:
            ValueError: the factor is not positive.
        """
        if not factor > 0:
            raise ValueError(f"factor must be positive, not {factor!r}")
        for group in self.optimizer.param_groups:
            group.update({name: group[name] * factor for name in _RATES if name in group})
        bases = getattr(self.schedule, "base_lrs", None)
        if bases is not None:
            self.schedule.base_lrs = [rate * factor for rate in bases]

    def stop(self, reason: str) -> None:
        """Stop the training after this step, or of several processes after the next one at the latest.

        The run is then evaluated, and has the status ``stopped``.
        """
        if not isinstance(reason, str) or not reason:
            raise ValueError(f"stop() takes the reason as text, not {reason!r}")
        self.reason = self.reason or reason

    def log(self, name: str, value: float | Tensor) -> None:
        """Record a number; its mean over the epoch is in the epoch's line of metrics.jsonl, under ``logged``."""
        total = self._logged.setdefault(name, [0.0, 0])
        total[0] += float(value)
        total[1] += 1

    def take_logged(self) -> dict[str, float]:
        """Return the means of the numbers recorded since the last call."""
        means = {name: total / count for name, (total, count) in self._logged.items()}
        self._logged.clear()
        return means

    def state_dict(self) -> KeptState:
        """Return the numbers of the unfinished epoch and the reason to stop after it, for a checkpoint."""
        return {"reason": self.reason, "logged": {name: list(total) for name, total in self._logged.items()}}

    def load_state_dict(self, kept: KeptState) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.reason = kept.get("reason")
        self._logged = {name: list(total) for name, total in kept["logged"].items()}
