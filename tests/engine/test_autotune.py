"""The fastest of several ways to execute a network, and nothing changed by looking for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from zoo.engine import autotune
from zoo.engine.autotune import pass_of, race, worth_a_trial
from zoo.engine.execution import Execution, alternatives

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds that have passed: only those that a step takes."""
    passed = CLOCK
    monkeypatch.setattr(autotune, "perf_counter", lambda: sum(passed))
    yield passed
    passed.clear()


CLOCK: list[float] = []


def sleeper(seconds: float, calls: list[float] | None = None) -> Callable[[], None]:
    def step() -> None:
        if calls is not None:
            calls.append(seconds)
        CLOCK.append(seconds)

    return step


def race_of(*seconds: float) -> int:
    return race([sleeper(s) for s in seconds], 8, lambda _: True).chosen


def test_the_fastest_is_chosen():
    assert race_of(0.02, 0.03, 0.005) == 2


def test_a_hair_faster_is_not_enough():
    assert race_of(0.02, 0.0195) == 0


def test_one_that_is_faster_only_now_and_then_is_not_chosen():
    waits = iter([0.001, 0.001, 0.05, 0.001, 0.001])
    assert race([sleeper(0.02), lambda: CLOCK.append(next(waits))], 8, lambda _: True).chosen == 0


def test_rates_are_images_a_second():
    found = race([sleeper(0.02), sleeper(0.05)], 8, lambda _: True)
    assert found.images_per_second == pytest.approx((400, 160))


def test_one_that_is_no_faster_is_timed_once():
    calls: list[float] = []
    race([sleeper(0.01, calls), sleeper(0.008, calls), sleeper(0.012, calls)], 8, lambda _: True)
    assert [calls.count(s) for s in (0.01, 0.008, 0.012)] == [7, 5, 2]  # one of each to warm up


def test_where_none_is_faster_the_trial_is_over():
    calls: list[float] = []
    race([sleeper(0.01, calls), sleeper(0.012, calls)], 8, lambda _: True)
    assert [calls.count(s) for s in (0.01, 0.012)] == [4, 2]


def test_nothing_else_is_tried_where_it_would_not_be_repaid():
    calls: list[float] = []
    found = race([sleeper(0.01, calls), sleeper(0.001, calls)], 8, lambda seconds: seconds > 1)
    assert (found.chosen, len(found.images_per_second), set(calls)) == (0, 1, {0.01})


def test_a_step_that_was_held_up_once_makes_no_training_long():
    waits = iter([0.01, 5.0, 0.01])
    found = race([lambda: CLOCK.append(next(waits)), sleeper(0.001)], 8, lambda seconds: seconds > 1)
    assert len(found.images_per_second) == 1


def test_a_short_training_is_worth_no_trial():
    assert not worth_a_trial(0.01, 8, 1000, 10)
    assert worth_a_trial(0.1, 8, 60_000, 10)


@pytest.mark.parametrize(("images", "worth"), [(1500, False), (1700, True)])
def test_a_trial_costs_no_more_than_a_twentieth_of_the_training(images: int, worth: bool):
    assert worth_a_trial(5.0, 8, images, 10) is worth


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )


@pytest.mark.parametrize("train", [True, False])
def test_trying_changes_neither_the_network_nor_chance(train: bool):
    torch.manual_seed(0)
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    step = pass_of(model, torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(1)), train=train)
    for execution in alternatives(Execution(CPU, torch.bfloat16), "auto", "auto"):
        step(execution)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert model.training


def test_frozen_layers_stay_as_in_evaluation():
    model = network()
    seen: list[bool] = []
    model[1].register_forward_pre_hook(lambda module, given: seen.append(module.training))
    pass_of(model, torch.rand(4, 3, 12, 12), ["1"])(Execution(CPU))
    assert seen == [False]


@pytest.mark.parametrize(
    ("precision", "memory_format", "count"),
    [("auto", "auto", 4), ("bf16", "auto", 2), ("auto", "channels_last", 2), ("bf16", "channels_last", 1)],
)
def test_what_was_asked_for_is_left_alone(precision: str, memory_format: str, count: int):
    usual = Execution(CPU, torch.bfloat16)
    found = alternatives(usual, precision, memory_format)
    assert (found[0], len(found), len(set(found))) == (usual, count, count)
    if precision != "auto":
        assert {e.precision for e in found} == {precision}
    if memory_format != "auto":
        assert {e.memory_format for e in found} == {memory_format}


def test_float32_by_rule_has_only_its_layouts_to_try():
    assert {e.precision for e in alternatives(Execution(CPU), "auto", "auto")} == {"fp32"}
