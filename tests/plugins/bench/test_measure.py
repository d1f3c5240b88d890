"""The order in which networks are timed, and what is said of how they run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from zoo.runner.observer import Observer
from zoo_bench import measure


class Written:
    """In place of a job that can be timed: writes down what it was asked for."""

    asked: list[tuple[Any, ...]]

    def __init__(self, job: Any):
        self.job = job
        self.parts = SimpleNamespace(execution=SimpleNamespace(device=torch.device("cpu")))

    def time(self, warmup: int, steps: int, answers: int, on_step: Any) -> None:
        self.asked.append((self.job, warmup, steps, answers))
        for _ in range(warmup + steps):
            on_step()

    def rates(self, what: str) -> list[float]:
        factor = {"a": 2.0, "b": 1.0}[self.job]
        return [factor * i for i in range(1, measure.ROUNDS + 1)]

    def document(self, memory_mib: float) -> dict[str, Any]:
        self.asked.append((self.job, "document"))
        return {"job": self.job}


class Heard(Observer):
    def __init__(self) -> None:
        self.all: list[tuple[str, int, int]] = []

    def preparing(self, what: str, done: int, total: int) -> None:
        self.all.append((what, done, total))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    Written.asked = []
    monkeypatch.setattr(measure, "Stand", Written)
    return Written.asked


def test_one_is_timed_in_one_go(asked: list[tuple[Any, ...]]):
    heard = Heard()
    found = measure.bench(["a"], 10, heard)  # type: ignore[list-item]
    assert asked == [("a", 2, 10, 5), ("a", "document")]
    assert found == {"benchmarks": [{"job": "a"}]}
    assert heard.all == [("steps", done, 12) for done in range(13)]


def test_two_are_timed_in_turn(asked: list[tuple[Any, ...]]):
    heard = Heard()
    found = measure.bench(["a", "b"], 12, heard)  # type: ignore[list-item]
    timed, after = asked[:10], asked[10:]
    assert timed[:4] == [("a", 2, 3, 2), ("b", 2, 3, 2), ("a", 1, 3, 2), ("b", 1, 3, 2)]
    assert [job for job, *_ in timed] == ["a", "b"] * 5
    assert after == [("a", "document"), ("b", "document")]
    assert found["comparison"]["train"] == {"ratio": 2, "range": [2, 2], "rounds": [2] * 5}
    assert heard.all == [("steps", done, 42) for done in range(43)]


def test_one_kernel_is_said_where_all_of_the_optimizer_is_one():
    weights = [torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)]
    adam = torch.optim.Adam([{"params": [w]} for w in weights], fused=True)
    assert measure.fused_words("adam", adam) == ["fused adam"]
    adam.param_groups[1]["fused"] = None
    assert measure.fused_words("adam", adam) == []
    assert measure.fused_words("sgd", torch.optim.SGD(weights)) == []
