"""What every optimizer owes: a step downhill, decay where it is asked for, a state that a checkpoint can keep."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.entry import Entry
from zoo.registry import open_registry
from zoo.runner.build import build
from zoo.runner.checkpoint import load_checkpoint, save_checkpoint

ENTRIES = [entry for entry in open_registry().entries("optimizer") if entry.origin.bundled]
# Whose first step moves nothing: it only takes the gradient's measure (ADOPT, Taniguchi et al. 2024, algorithm 1).
WAITS = {"adopt", "adoptc", "adoptw", "cadopt", "cadoptc", "cadoptw"}
# Which compile their kernels first, for a quarter of a minute, and need a compiler.
COMPILED = {"kron", "kronc", "kronw"}
NO_COMPILER = shutil.which("g++") is None and shutil.which("c++") is None
SLOW = [pytest.mark.slow, pytest.mark.skipif(NO_COMPILER, reason="timm's Kron compiles its kernels: no C++ compiler")]
every_optimizer = pytest.mark.parametrize(
    "entry",
    [pytest.param(e, id=e.id, marks=SLOW if e.component.name in COMPILED else ()) for e in ENTRIES],
)


class Bowl:
    """A quadratic whose lowest point is 0, and the parameters in it."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(4, 3, generator=generator) + 2)
        self.bias = nn.Parameter(torch.randn(3, generator=generator) + 2)
        self.slopes = torch.linspace(0.5, 2, 12).reshape(4, 3)

    def groups(self, weight_decay: float = 0.01) -> list[dict[str, Any]]:
        """As the runner makes them: no decay of vectors."""
        weights = {"params": [self.weight], "weight_decay": weight_decay}
        return [weights, {"params": [self.bias], "weight_decay": 0.0}]

    def value(self) -> Tensor:
        return (self.slopes * self.weight**2).sum() + (self.bias**2).sum()

    def step(self, optimizer: torch.optim.Optimizer) -> float:
        optimizer.zero_grad()
        value = self.value()
        value.backward()
        optimizer.step()
        return float(value.detach())


def made(entry: Entry, bowl: Bowl, lr: float = 1e-3) -> torch.optim.Optimizer:
    torch.manual_seed(0)
    optimizer = build(entry, {}, "train.optimizer", bowl.groups(), lr)
    assert isinstance(optimizer, torch.optim.Optimizer)
    return optimizer


def test_there_are_as_many_optimizers_as_there_should_be():
    names = {entry.component.name for entry in ENTRIES}
    assert len(ENTRIES) >= 80
    assert names > WAITS | COMPILED


@every_optimizer
def test_a_step_goes_downhill(entry: Entry):
    bowl = Bowl()
    optimizer = made(entry, bowl)
    values = [bowl.step(optimizer) for _ in range(4)]
    if entry.component.name in WAITS:
        assert values[1] == values[0]
        values = values[1:]
    assert values == sorted(values, reverse=True)
    assert values[1] < values[0]
    assert float(bowl.value().detach()) < values[-1]


@every_optimizer
def test_groups_keep_their_own_decay_and_a_rate_that_a_schedule_can_set(entry: Entry):
    bowl = Bowl()
    optimizer = made(entry, bowl)
    decays = {group["weight_decay"] for group in optimizer.param_groups for p in group["params"] if p is bowl.weight}
    assert decays == {0.01}
    assert all(group["lr"] == pytest.approx(1e-3) for group in optimizer.param_groups)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = bowl.weight.detach().clone()
    bowl.step(optimizer)
    bowl.step(optimizer)
    assert torch.allclose(bowl.weight, before, atol=1e-3), "at a rate of 0 nothing moves, but for MADGRAD's epsilon"


@every_optimizer
def test_a_checkpoint_keeps_its_state(entry: Entry, tmp_path: Path):
    straight = Bowl()
    optimizer = made(entry, straight)
    for _ in range(3):
        straight.step(optimizer)
    save_checkpoint(tmp_path, {"optimizer": optimizer.state_dict()})
    state = load_checkpoint(tmp_path)
    assert state is not None
    resumed = Bowl()
    with torch.no_grad():
        resumed.weight.copy_(straight.weight)
        resumed.bias.copy_(straight.bias)
    restored = made(entry, resumed)
    restored.load_state_dict(state["optimizer"])
    for bowl, used in ((straight, optimizer), (resumed, restored)):
        torch.manual_seed(1)
        for _ in range(2):
            bowl.step(used)
    assert torch.allclose(straight.weight, resumed.weight, rtol=0, atol=1e-7)
    assert torch.allclose(straight.bias, resumed.bias, rtol=0, atol=1e-7)
