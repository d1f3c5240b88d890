"""A good schedule, and for each check one that breaks it."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def good(optimizer: Optimizer, total_steps: int, floor: float = 0.0) -> LRScheduler:
    """Straight down to 0."""
    return LambdaLR(optimizer, lambda step: max(floor, 1 - step / total_steps))


def no_schedule(optimizer: Optimizer, total_steps: int) -> object:
    """A schedule that is none."""
    return object()


def too_high(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """Up to twice the rate asked for."""
    return LambdaLR(optimizer, lambda step: 1 + step / total_steps)


def too_short(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """Straight down to 0, and it raises when it is stepped after the last step."""

    def rate(step: int) -> float:
        if step >= total_steps:
            raise ValueError(f"step {step} of {total_steps}")
        return 1 - step / total_steps

    return LambdaLR(optimizer, rate)


def long_warmup(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """A warm-up of a thousand steps, whatever the training's length."""
    return LambdaLR(optimizer, lambda step: min(1.0, step / 1000))


class OneForAll(LRScheduler):
    """The first group's rate for all groups."""

    def __init__(self, optimizer: Optimizer, total_steps: int):
        self.total_steps = total_steps
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Any]:
        return [self.base_lrs[0] * max(0.0, 1 - self.last_epoch / self.total_steps)] * len(self.base_lrs)


class Forgetful:
    """Its count of steps is in no state."""

    def __init__(self, optimizer: Optimizer, total_steps: int):
        self.optimizer, self.total_steps, self.count = optimizer, total_steps, 0
        self.peaks = [group["lr"] for group in optimizer.param_groups]

    def step(self) -> None:
        self.count += 1
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * max(0.0, 1 - self.count / self.total_steps)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        del state
