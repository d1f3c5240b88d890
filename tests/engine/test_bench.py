"""What a benchmark counts and times."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor, nn

from zoo.engine import bench
from zoo.engine.execution import Execution

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


def split_of(model: nn.Module, count: int, seconds: float = 0.0) -> dict[str, float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return bench.training_split(model, batches(count, seconds), nn.functional.cross_entropy, optimizer, CPU, 1)


def test_a_step_is_split_into_where_its_time_goes():
    split = split_of(Slow(0.2), 4, 0.1)
    assert list(split) == list(bench.PHASES)
    assert split["data"] >= 0.1
    assert split["forward"] >= 0.2
    assert max(split["backward"], split["optimizer"]) < 0.1  # a millisecond, on a machine that has nothing else to do


def test_the_steps_are_real_ones():
    model = Slow(0)
    before = model.layer.weight.detach().clone()
    split_of(model, 3)
    assert not torch.equal(before, model.layer.weight)


def test_frozen_layers_stay_as_in_evaluation():
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    bench.training_split(model, batches(2), nn.functional.cross_entropy, optimizer, CPU, 1, [model[1]])
    assert torch.equal(model[1].running_mean, torch.zeros(12))


def test_inference_is_timed_without_learning():
    model = Slow(0.01)
    rate = bench.inference_rate(model, torch.rand(4, 3, 2, 2), CPU, 3)
    assert 40 < rate <= 400
    assert not model.training


def test_operations_are_counted_as_two_a_product():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.Flatten(), nn.Linear(8 * 16, 5, bias=False))
    forward, train = bench.flops_of(model, torch.rand(2, 3, 6, 6))
    assert forward == 2 * (16 * 8 * 27 + 8 * 16 * 5)
    assert train == 3 * forward
    assert bench.flops_of(model.requires_grad_(False), torch.rand(2, 3, 6, 6)) == (forward, forward)


def test_the_ceiling_is_a_rate_that_a_real_product_reaches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench, "_SIDE", {"cpu": 256})
    assert bench.ceiling(CPU) > 1e8


def test_memory_is_what_the_process_held():
    before = bench.peak_memory_mib(CPU.device)
    held = torch.ones(64 * 2**20, dtype=torch.uint8)
    assert bench.peak_memory_mib(CPU.device) >= before
    assert 30 < before < 2**20
    assert len(held)


def test_the_numbers_of_a_summary_fit_together():
    split = {"data": 0.1, "forward": 0.3, "backward": 0.5, "optimizer": 0.1}
    found = bench.summary(split, 32, 100.0, (1e9, 3e9), 960e9)
    assert found["train"]["images_per_second"] == pytest.approx(32)
    assert found["train"]["of_ceiling"] == pytest.approx(0.1)
    assert found["inference"]["of_ceiling"] == pytest.approx(100 / 960)
