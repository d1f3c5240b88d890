"""Learning-rate schedules, stepped after every optimizer step.

Step i of ``total_steps``, counted from 0, runs with the rate at i; the lr of each parameter group is its peak. Warm-ups
rise from ``1 / (w + 1)`` of it in w steps, so that no step has a rate of 0; decays end after the last step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, MultiStepLR, OneCycleLR, PolynomialLR

__all__ = ["constant", "cosine", "cosine_factor", "linear", "linear_factor", "one_cycle", "polynomial", "step"]


def constant(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """Constant learning rate."""
    _check_steps(total_steps)
    return LambdaLR(optimizer, lambda _: 1.0)


def one_cycle(
    optimizer: Optimizer,
    total_steps: int,
    pct_start: float = 0.25,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    cycle_momentum: bool = True,
) -> LRScheduler:
    """One-cycle schedule: up to the optimizer's lr and down to almost zero, along cosines (Smith & Topin 2017).

    arXiv:1708.07120. torch's OneCycleLR; the last step runs with ``lr / div_factor / final_div_factor``. A training too
    short for a warm-up starts near the peak.

    Args:
        pct_start: fraction of the steps for the warm-up, from 0 to below 1.
        div_factor: ratio of lr to the initial rate, at least 1.
        final_div_factor: ratio of the initial to the final rate, at least 1.
        cycle_momentum: cycle the momentum (beta 1 of Adam variants) from 0.95 to 0.85 and back, opposite to the rate;
            for optimizers with momentum.

    Raises:
        ValueError: a value is out of bounds.
    """
    _check_steps(total_steps)
    if not 0 <= pct_start < 1:
        raise ValueError(f"pct_start is {pct_start}; it must be from 0 to below 1 (0.25 rises for a quarter)")
    for name, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
        if not value >= 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    return OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=max(total_steps, 2),  # torch would run a single step with the final rate
        pct_start=_safe_start(pct_start, max(total_steps, 2)),
        div_factor=div_factor,
        final_div_factor=final_div_factor,
        cycle_momentum=cycle_momentum and _uses_momentum(optimizer),
    )


def cosine(optimizer: Optimizer, total_steps: int, warmup: float = 0.05, final: float = 0.0) -> LRScheduler:
    """Linear warm-up, then cosine decay (Loshchilov & Hutter 2016, arXiv:1608.03983, without restarts).

    Args:
        warmup: fraction of the steps for the warm-up, from 0 to below 1.
        final: final learning rate as a fraction of lr, in 0..1.

    Raises:
        ValueError: a value is out of bounds.
    """
    return _warmed(optimizer, cosine_factor, total_steps, warmup, final)


def linear(optimizer: Optimizer, total_steps: int, warmup: float = 0.05, final: float = 0.0) -> LRScheduler:
    """Linear warm-up, then linear decay.

    Args:
        warmup: fraction of the steps for the warm-up, from 0 to below 1.
        final: final learning rate as a fraction of lr, in 0..1.

    Raises:
        ValueError: a value is out of bounds.
    """
    return _warmed(optimizer, linear_factor, total_steps, warmup, final)


def step(
    optimizer: Optimizer, total_steps: int, milestones: tuple[float, ...] = (0.5, 0.75), gamma: float = 0.1
) -> LRScheduler:
    """Step decay: multiply by ``gamma`` at each milestone; torch's MultiStepLR.

    Args:
        milestones: times of the reductions, as fractions of the steps above 0 and below 1.
        gamma: factor on the learning rate at each milestone, above 0 and at most 1.

    Raises:
        ValueError: a value is out of bounds.
    """
    _check_steps(total_steps)
    if not all(0 < share < 1 for share in milestones):
        raise ValueError(f"milestones are {milestones}; each must be a fraction of the training, above 0 and below 1")
    if not 0 < gamma <= 1:
        raise ValueError(f"gamma is {gamma}; it must be above 0 and at most 1 (0.1 divides by ten)")
    return MultiStepLR(optimizer, [max(1, round(share * total_steps)) for share in milestones], gamma=gamma)


def polynomial(optimizer: Optimizer, total_steps: int, power: float = 2.0) -> LRScheduler:
    """Polynomial decay ``lr * (1 - i / total_steps) ** power``; torch's PolynomialLR.

    Args:
        power: exponent of the decay, above 0; 1 is linear.

    Raises:
        ValueError: ``power`` is not above 0.
    """
    _check_steps(total_steps)
    if not power > 0:
        raise ValueError(f"power is {power}; it must be above 0 (1 is linear)")
    return PolynomialLR(optimizer, total_iters=total_steps, power=power)


def cosine_factor(i: int, total_steps: int, warmup_steps: int, final: float) -> float:
    """Factor on lr at step i (0..total_steps) of a cosine decay with warm-up."""
    rise, progress = _phase(i, total_steps, warmup_steps)
    return rise * (final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2)


def linear_factor(i: int, total_steps: int, warmup_steps: int, final: float) -> float:
    """Factor on lr at step i (0..total_steps) of a linear decay with warm-up."""
    rise, progress = _phase(i, total_steps, warmup_steps)
    return rise * (final + (1 - final) * (1 - progress))


def _phase(i: int, total_steps: int, warmup_steps: int) -> tuple[float, float]:
    """Progress of the warm-up (above 0, at most 1) and of the decay (0..1)."""
    if i < warmup_steps:
        return (i + 1) / (warmup_steps + 1), 0.0
    return 1.0, min(1.0, (i - warmup_steps) / (total_steps - warmup_steps))


def _warmed(
    optimizer: Optimizer, factor: Callable[..., float], total_steps: int, warmup: float, final: float
) -> LRScheduler:
    _check_steps(total_steps)
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is {warmup}; it must be a fraction of the training, from 0 to below 1")
    if not 0 <= final <= 1:
        raise ValueError(f"final is {final}; it must be a fraction of lr, in 0..1")
    warmup_steps = min(round(warmup * total_steps), total_steps - 1)
    return LambdaLR(optimizer, partial(factor, total_steps=total_steps, warmup_steps=warmup_steps, final=final))


def _safe_start(pct_start: float, total_steps: int) -> float:
    """Adjust ``pct_start`` slightly where the peak falls on step 0, which would make torch divide by zero."""
    at_zero = math.isclose(pct_start * total_steps, 1, rel_tol=1e-6)
    return (1 - 1e-4) / total_steps if at_zero else float(pct_start)


def _uses_momentum(optimizer: Optimizer) -> bool:
    """Check that the optimizer has a momentum to cycle; torch would also activate one that is 0."""
    return bool(optimizer.defaults.get("betas") or optimizer.defaults.get("momentum"))


def _check_steps(total_steps: int) -> None:
    if total_steps < 1:
        raise ValueError(f"total_steps is {total_steps}; a schedule needs at least 1 step")
