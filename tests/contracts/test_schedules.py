"""What every schedule owes: a rate for each step of a training of any length, and a state that a checkpoint keeps."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from zoo.entry import Entry
from zoo.registry import open_registry
from zoo.runner.build import build
from zoo.runner.checkpoint import load_checkpoint, save_checkpoint

ENTRIES = [entry for entry in open_registry().entries("schedule") if entry.origin.bundled]
every_schedule = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
PEAKS = (0.1, 0.02)


def made(entry: Entry, total_steps: int) -> tuple[torch.optim.Optimizer, Any]:
    weights = [{"params": [nn.Parameter(torch.zeros(1))], "lr": peak} for peak in PEAKS]
    optimizer = torch.optim.AdamW(weights, lr=PEAKS[0])
    return optimizer, build(entry, {}, "train.schedule", optimizer, total_steps)


def rates(optimizer: torch.optim.Optimizer, schedule: Any, steps: int) -> list[tuple[float, ...]]:
    """The rates of each step; the schedule is stepped after every one, the last too."""
    seen = []
    for _ in range(steps):
        seen.append(tuple(group["lr"] for group in optimizer.param_groups))
        optimizer.step()
        schedule.step()
    return seen


def test_there_are_as_many_schedules_as_there_should_be():
    assert len(ENTRIES) >= 6


@every_schedule
@pytest.mark.parametrize("total", [1, 2, 10, 100])
def test_every_step_of_any_training_has_a_rate(entry: Entry, total: int):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = rates(*made(entry, total), total)
    for first, second in seen:
        assert math.isfinite(first)
        assert 0 <= first <= PEAKS[0] * (1 + 1e-9)
        assert second == pytest.approx(first * PEAKS[1] / PEAKS[0]), "each group has its own peak"
    assert max(first for first, _ in seen) > PEAKS[0] / 4, "even the shortest training must learn"


@every_schedule
def test_the_last_rate_is_not_above_the_highest(entry: Entry):
    first = [rate for rate, _ in rates(*made(entry, 100), 100)]
    assert first[-1] <= max(first)


@every_schedule
def test_a_checkpoint_keeps_its_state(entry: Entry, tmp_path: Path):
    optimizer, schedule = made(entry, 20)
    rates(optimizer, schedule, 7)
    save_checkpoint(tmp_path, {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()})
    state = load_checkpoint(tmp_path)
    assert state is not None
    restored, again = made(entry, 20)
    restored.load_state_dict(state["optimizer"])
    again.load_state_dict(state["schedule"])
    assert rates(restored, again, 13) == rates(optimizer, schedule, 13)
