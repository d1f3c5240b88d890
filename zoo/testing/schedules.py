"""Checks of schedules: a valid rate for each step of a training of any length, and a state for checkpoints."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import nn

from zoo.testing.checking import contract
from zoo.testing.optimizers import through_a_checkpoint
from zoo.testing.outcome import need, skip
from zoo.testing.subject import Subject

KIND = "schedule"
PEAKS = (0.1, 0.02)
LENGTHS = (1, 2, 10, 100)
"""Numbers of steps of the trainings to test."""


@contract(KIND, "can be created", "Take (optimizer, total_steps), and return an LRScheduler.")
def _can_be_made(subject: Subject) -> None:
    schedule = subject.try_to_make(_optimizer(), 10)
    missing = _missing(schedule)
    need(not missing, f"its factory returns {type(schedule).__name__}, which has no {' and no '.join(missing)}.")


@contract(
    KIND,
    "a rate for every step",
    ("Keep learning rates between 0 and that of the optimizer, from step 0 to total_steps."),
)
def _has_a_rate_for_every_step(subject: Subject) -> None:
    for total in LENGTHS:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rates = [first for first, _ in _rates(*_made(subject, total), total)]
        wrong = [(step, rate) for step, rate in enumerate(rates) if not _within(rate)]
        need(not wrong, f"at step {wrong[:1] and wrong[0][0]} of {total} its rate is {wrong[:1] and wrong[0][1]}.")


@contract(KIND, "short trainings learn", "Limit the warm-up to a fraction of total_steps.")
def _lets_short_trainings_learn(subject: Subject) -> None:
    for total in LENGTHS:
        highest = max(first for first, _ in _rates(*_made(subject, total), total))
        need(not highest <= PEAKS[0] / 4, f"in {total} steps its rate never exceeds {highest:.3g} of {PEAKS[0]}.")


@contract(KIND, "groups keep their rates", "Scale the learning rate of each group instead of setting one for all.")
def _keeps_ratios(subject: Subject) -> None:
    for first, second in _rates(*_made(subject, 10), 10):
        wanted = first * PEAKS[1] / PEAKS[0]
        kept = math.isclose(second, wanted, rel_tol=1e-6, abs_tol=1e-12) or not math.isfinite(first)
        need(kept, f"groups with rates {PEAKS[0]} and {PEAKS[1]} have {first:.3g} and {second:.3g}.")


@contract(
    KIND, "a checkpoint keeps its state", "Keep everything that step() uses in attributes, which LRScheduler saves."
)
def _comes_back(subject: Subject) -> None:
    optimizer, schedule = _made(subject, 20)
    _rates(optimizer, schedule, 7)
    state = through_a_checkpoint({"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()})
    restored, again = _made(subject, 20)
    restored.load_state_dict(state["optimizer"])
    again.load_state_dict(state["schedule"])
    one, other = _rates(optimizer, schedule, 13), _rates(restored, again, 13)
    need(
        repr(one) == repr(other),
        ("resumed after 7 of 20 steps, its learning rates differ from those of an uninterrupted training."),
    )


def _within(rate: float) -> bool:
    return math.isfinite(rate) and 0 <= rate <= PEAKS[0] * (1 + 1e-9)


def _rates(optimizer: torch.optim.Optimizer, schedule: Any, steps: int) -> list[tuple[float, float]]:
    """Rates of both groups at each step; the schedule is stepped after every one, the last included."""
    seen = []
    for _ in range(steps):
        first, second = (float(group["lr"]) for group in optimizer.param_groups)
        seen.append((first, second))
        optimizer.step()
        schedule.step()
    return seen


def _optimizer() -> torch.optim.Optimizer:
    return torch.optim.AdamW([{"params": [nn.Parameter(torch.zeros(1))], "lr": peak} for peak in PEAKS], lr=PEAKS[0])


def _missing(schedule: Any) -> list[str]:
    return [name for name in ("step", "state_dict", "load_state_dict") if not callable(getattr(schedule, name, None))]


def _made(subject: Subject, total: int) -> tuple[torch.optim.Optimizer, Any]:
    optimizer = _optimizer()
    schedule = subject.made(optimizer, total)
    return (optimizer, schedule) if not _missing(schedule) else skip("it lacks methods of a schedule.")
