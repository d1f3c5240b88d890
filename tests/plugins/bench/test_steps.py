"""What a benchmark counts and times."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.engine import timing
from zoo.engine.execution import Execution
from zoo_bench import steps

CPU = Execution(torch.device("cpu"))


class Slow(nn.Module):
    """A linear layer that takes its time."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds, self.layer = seconds, nn.Linear(12, 2)

    def forward(self, images: Tensor) -> Tensor:
        time.sleep(self.seconds)
        return self.layer(images.flatten(1))


def batches(count: int, seconds: float = 0.0):
    for _ in range(count):
        time.sleep(seconds)
        yield torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 0, 1])


def rows_of(model: nn.Module, count: int, seconds: float = 0.0, **more: Any) -> list[list[float]]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = nn.functional.cross_entropy
    return steps.step_seconds(model, batches(count, seconds), loss, optimizer, CPU, **more)


def test_a_step_is_split_into_where_its_time_goes():
    split = steps.split_of(rows_of(Slow(0.2), 4, 0.1)[1:])
    assert list(split) == list(steps.PHASES)
    assert split["data"] >= 0.1
    assert split["forward"] >= 0.2
    assert max(split["backward"], split["optimizer"]) < 0.1  # a millisecond, on a machine that has nothing else to do


def test_who_is_told_between_the_steps_costs_them_nothing():
    told: list[float] = []

    def tell() -> None:
        told.append(time.perf_counter())
        time.sleep(0.2)

    rows = rows_of(Slow(0), 3, on_step=tell)
    assert len(rows) == len(told) == 3
    assert sum(map(sum, rows)) < 0.2 * 3


def test_the_steps_are_real_ones():
    model = Slow(0)
    before = model.layer.weight.detach().clone()
    rows_of(model, 3)
    assert not torch.equal(before, model.layer.weight)


def test_frozen_layers_stay_as_in_evaluation():
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 2))
    rows_of(model, 2, frozen=[model[1]])
    assert torch.equal(model[1].running_mean, torch.zeros(12))


def test_inference_is_timed_without_learning():
    model = Slow(0.01)
    times = steps.answer_seconds(model, torch.rand(4, 3, 2, 2), CPU, 3)
    assert len(times) == 3
    assert min(times) >= 0.01
    assert not model.training


def test_two_are_compared_by_the_rounds_that_they_share():
    found = timing.compared([10, 30, 4], [5, 10, 8])
    assert found == {"ratio": 2, "range": [0.5, 3], "rounds": [2, 3, 0.5]}
    with pytest.raises(ValueError, match="shorter"):
        timing.compared([1, 2], [1])


def test_the_ceiling_is_a_rate_that_a_real_product_reaches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steps, "_SIDE", {"cpu": 256})
    assert steps.ceiling(CPU) > 1e8


def test_memory_is_what_the_process_held():
    before = steps.peak_memory_mib(CPU.device)
    held = torch.ones(64 * 2**20, dtype=torch.uint8)
    assert steps.peak_memory_mib(CPU.device) >= before
    assert 30 < before < 2**20
    assert len(held)


def test_the_numbers_of_a_summary_fit_together():
    split = {"data": 0.1, "forward": 0.3, "backward": 0.5, "optimizer": 0.1}
    found = steps.summary(split, 32, 100.0, (3e9, 1e9), (960e9, 400e9), 0.8)
    assert found["train"]["images_per_second"] == pytest.approx(32)
    assert found["train"]["of_ceiling"] == pytest.approx(0.1)
    assert found["train"]["of_limit"] == pytest.approx(0.8)
    assert found["train"]["limit_images_per_second"] == pytest.approx(40)
    assert found["inference"]["of_ceiling"] == pytest.approx(0.25)


def test_a_network_without_products_has_no_limit():
    found = steps.summary(dict.fromkeys(steps.PHASES, 0.1), 32, 100.0, (0, 0), (1e9, 1e9), 0.0)
    assert found["train"]["limit_images_per_second"] is None
    assert found["train"]["of_limit"] == 0


class Twice(torch.optim.SGD):
    """Its closure computes the gradients again; it has two sets of weights, too."""

    modes: tuple[str, ...] = ()
    losses: tuple[float, ...] = ()

    def train(self) -> None:
        self.modes = (*self.modes, "train")

    def eval(self) -> None:
        self.modes = (*self.modes, "eval")

    def step(self, closure: Any) -> Any:
        self.losses = (*self.losses, float(closure()))
        return super().step()


def test_an_optimizer_gets_its_closure_and_its_training_weights():
    model = Slow(0)
    optimizer = Twice(model.parameters(), lr=0.1)
    steps.step_seconds(model, batches(3), nn.functional.cross_entropy, optimizer, CPU)
    assert optimizer.modes == ("train",)
    assert len(optimizer.losses) == 3
