"""Reduction of the learning rate on plateaus by torch's ReduceLROnPlateau, per epoch and after a warm-up."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

__all__ = ["Plateau", "plateau"]

# Names in a checkpoint, and those of torch's scheduler.
_STATE = {"best": "best", "bad_epochs": "num_bad_epochs", "resting": "cooldown_counter"}
_SETTINGS = ("factor", "patience", "threshold", "cooldown", "final")


class Plateau(LRScheduler):
    """Scheduler of :func:`plateau`, stepped after every optimizer step and informed of each epoch's evaluation.

    torch's scheduler reduces the rate of an optimizer of its own, which begins at 1: the share of the rate.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int,
        *,
        factor: float,
        patience: int,
        threshold: float,
        cooldown: int,
        final: float,
    ):
        self.warmup_steps = warmup_steps
        self._rule = ReduceLROnPlateau(
            torch.optim.SGD([torch.zeros(1)], lr=1.0),
            factor=factor,
            patience=patience,
            threshold=threshold,
            threshold_mode="abs",
            cooldown=cooldown,
            min_lr=final,
            eps=0,
        )
        self._rule.best = None
        super().__init__(optimizer)

    @property
    def share(self) -> float:
        """Factor on the optimizer's rate after the warm-up."""
        return float(self._rule.optimizer.param_groups[0]["lr"])

    def get_lr(self) -> list[float | Tensor]:
        """Learning rate of each group for the next step."""
        rise = min(1.0, (self.last_epoch + 1) / (self.warmup_steps + 1))
        return [base * rise * self.share for base in self.base_lrs]

    def epoch_ended(self, value: float, higher_is_better: bool) -> None:
        """Reduce the learning rate if the monitored value has not improved for too long.

        Args:
            value: the monitored value; NaN is not an improvement.
            higher_is_better: direction of improvement.
        """
        self._rule.mode = "max" if higher_is_better else "min"
        if self._rule.best is None:
            self._rule.best = -math.inf if higher_is_better else math.inf
        before = self.share
        self._rule.step(value)
        if self.share != before:
            for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        """State of the warm-up and of torch's scheduler as one flat dictionary."""
        state = super().state_dict()
        del state["_rule"]
        return {**state, "share": self.share, **{name: getattr(self._rule, theirs) for name, theirs in _STATE.items()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state, also one of visionzoo 0.1, which has the settings as well."""
        state = {name: value for name, value in state_dict.items() if name not in _SETTINGS}
        self._rule.optimizer.param_groups[0]["lr"] = state.pop("share")
        for name, theirs in _STATE.items():
            setattr(self._rule, theirs, state.pop(name))
        super().load_state_dict(state)


def plateau(
    optimizer: Optimizer,
    total_steps: int,
    factor: float = 0.1,
    patience: int = 5,
    threshold: float = 1e-4,
    cooldown: int = 0,
    warmup: float = 0.05,
    final: float = 0.0,
) -> LRScheduler:
    """Linear warm-up, then multiply by ``factor`` whenever the monitored value has stopped improving.

    torch's ReduceLROnPlateau with an absolute threshold. The value is that of ``train.monitor``.

    Args:
        factor: factor on the learning rate at each reduction, above 0 and below 1.
        patience: number of tolerated epochs without improvement, at least 0.
        threshold: minimum improvement, at least 0.
        cooldown: number of epochs after a reduction that are not counted, at least 0.
        warmup: fraction of the steps for the warm-up, from 0 to below 1.
        final: lower bound of the rate as a fraction of lr, in 0..1.

    Raises:
        ValueError: a value is out of bounds.
    """
    if total_steps < 1:
        raise ValueError(f"total_steps is {total_steps}; a schedule needs at least 1 step")
    if not 0 < factor < 1:
        raise ValueError(f"factor is {factor}; it must be above 0 and below 1 (0.1 divides by ten)")
    for name, value in (("patience", patience), ("threshold", threshold), ("cooldown", cooldown)):
        if not value >= 0:
            raise ValueError(f"{name} is {value}; it must be at least 0")
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is {warmup}; it must be a fraction of the training, from 0 to below 1")
    if not 0 <= final <= 1:
        raise ValueError(f"final is {final}; it must be a fraction of lr, in 0..1")
    return Plateau(
        optimizer,
        min(round(warmup * total_steps), total_steps - 1),
        factor=factor,
        patience=patience,
        threshold=threshold,
        cooldown=cooldown,
        final=final,
    )
