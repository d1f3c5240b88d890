"""Reduction of the learning rate on plateaus: the rule of torch's ReduceLROnPlateau, per epoch."""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

__all__ = ["Plateau", "plateau"]


class Plateau(LRScheduler):
    """Scheduler of :func:`plateau`, stepped after every optimizer step and informed of each epoch's evaluation."""

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
        self.factor, self.patience, self.threshold = factor, patience, threshold
        self.cooldown, self.final, self.warmup_steps = cooldown, final, warmup_steps
        self.share = 1.0  # factor on the optimizer's rate after the warm-up
        self.best: float | None = None
        self.bad_epochs = self.resting = 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        """Learning rate of each group for the next step."""
        rise = min(1.0, (self.last_epoch + 1) / (self.warmup_steps + 1))
        return [base * rise * self.share for base in self.base_lrs]

    def epoch_ended(self, value: float, higher_is_better: bool) -> None:
        """Reduce the learning rate if the monitored value has not improved for too long.

        Args:
            value: the monitored value; NaN is no improvement.
            higher_is_better: direction of improvement.
        """
        if self._better(value, 1 if higher_is_better else -1):
            self.best, self.bad_epochs = value, 0
        else:
            self.bad_epochs += 1
        if self.resting > 0:
            self.resting, self.bad_epochs = self.resting - 1, 0
        if self.bad_epochs > self.patience:
            self.share = max(self.share * self.factor, self.final)
            self.resting, self.bad_epochs = self.cooldown, 0
            for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                group["lr"] = rate

    def _better(self, value: float, sign: int) -> bool:
        if self.best is None:
            return value == value  # False for NaN
        return sign * value > sign * self.best + self.threshold


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

    The rule of torch's ReduceLROnPlateau with an absolute threshold. The value is that of ``train.monitor``.

    Args:
        factor: above 0 and below 1.
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
        raise ValueError(f"factor is {factor}; it must be over 0 and below 1 (0.1 divides by ten)")
    for name, value in (("patience", patience), ("threshold", threshold), ("cooldown", cooldown)):
        if not value >= 0:
            raise ValueError(f"{name} is {value}; it must be at least 0")
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is {warmup}; it must be a share of the training, from 0 to below 1")
    if not 0 <= final <= 1:
        raise ValueError(f"final is {final}; it must be a share of lr, in 0..1")
    return Plateau(
        optimizer,
        min(round(warmup * total_steps), total_steps - 1),
        factor=factor,
        patience=patience,
        threshold=threshold,
        cooldown=cooldown,
        final=final,
    )
