"""Optimizers and schedules against torch's and timm's own, and reference values."""

from __future__ import annotations

import importlib
import json
import math
import warnings
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from zoo.plugin import Family
from zoo_optim import optim as zoo_optim
from zoo_optim import plugin, schedules
from zoo_optim.plateau import plateau


def load(target: str) -> Callable[..., Any]:
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


NAMED = {c.name: c.target for c in plugin.zoo_optimizers() if not isinstance(c, Family)}
OPTIMIZERS = {name: load(target) for name, target in NAMED.items() if name != "muon"}  # see test_muon.py
SCHEDULES = {c.name: load(c.target) for c in plugin.zoo_schedules()}
TIMM_LINES = files("zoo_optim").joinpath("timm_optimizers.txt").read_text().splitlines()
TIMM_NAMES = sorted(line for line in TIMM_LINES if not line.startswith("#"))
TORCH_CLASSES = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "adamax": torch.optim.Adamax,
}
# Every implementation once; Kron compiles its kernels, which takes half a minute.
TIMM_SAMPLE = [
    "adabelief", "adafactor", "adafactorbv", "adamp", "adamwlegacy", "adan", "adopt", "cadamw",
    "lamb", "laprop", "lars", "lion", "madgrad", "mars", "momentum", "nmuon",
    "nadamlegacy", "nadamw", "novograd", "radamlegacy", "rmsproptf", "sgdc", "sgdp", "sgdw",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads wait for each other longer than these sizes take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def problem() -> tuple[nn.Module, Callable[[], Tensor]]:
    """A small regression: the model and its loss."""
    generator = torch.Generator().manual_seed(0)
    inputs, wanted = torch.randn(32, 6, generator=generator), torch.randn(32, 3, generator=generator)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    return model, lambda: (model(inputs) - wanted).square().mean()


def groups(model: nn.Module) -> list[dict[str, Any]]:
    """As a runner makes them: no decay of vectors."""
    split: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for p in model.parameters():
        split[p.ndim > 1].append(p)
    return [{"params": split[True], "weight_decay": 0.01}, {"params": split[False], "weight_decay": 0.0}]


def train(optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor], steps: int = 15) -> float:
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
    return float(loss().detach())


def rates(schedule: Callable[..., LRScheduler], total: int, lr: float = 0.1, **params: Any) -> list[float]:
    """The rate of every step that is taken; the schedule is stepped after each, the last too."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)
    return follow(schedule(optimizer, total, **params), optimizer, total)


def follow(scheduler: LRScheduler, optimizer: torch.optim.Optimizer, total: int) -> list[float]:
    seen = []
    for _ in range(total):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_the_plugin_brings_exactly_these():
    assert OPTIMIZERS.keys() == TORCH_CLASSES.keys()
    assert set(SCHEDULES) == {"constant", "one_cycle", "cosine", "linear", "step", "polynomial", "plateau"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_is_torchs_and_trains(name: str):
    model, loss = problem()
    lr = {"adadelta": 1.0, "sgd": 0.05}.get(name, 0.01)
    optimizer = OPTIMIZERS[name](groups(model), lr)
    assert type(optimizer) is TORCH_CLASSES[name]
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.01, 0.0]
    before = float(loss().detach())
    assert train(optimizer, loss) < before


def test_sgd_has_torchs_defaults_except_for_momentum():
    optimizer = zoo_optim.sgd([nn.Parameter(torch.zeros(2))], 0.01)
    reference = torch.optim.SGD([nn.Parameter(torch.zeros(2))], lr=0.01, momentum=0.9, nesterov=True)
    assert optimizer.defaults == reference.defaults


@pytest.mark.parametrize(("key", "value"), [("momentum", 0.5), ("nesterov", False), ("weight_decay", 0.1)])
def test_every_parameter_of_sgd_reaches_torch(key: str, value: object):
    assert zoo_optim.sgd([nn.Parameter(torch.zeros(2))], 0.01, **{key: value}).defaults[key] == value


def test_sgd_without_momentum_needs_no_further_word():
    assert zoo_optim.sgd([nn.Parameter(torch.zeros(1))], 0.1, momentum=0.0).defaults["nesterov"] is False


def test_the_list_of_timm_optimizers_is_the_installed_timms():
    import timm
    from timm.optim import get_optimizer_info, list_optimizers

    found = [n for n in list_optimizers(exclude_filters=["bnb*", "fused*"]) if n not in NAMED]
    usable = {n for n in found if not get_optimizer_info(n).second_order}
    if timm.__version__ == zoo_optim.TIMM_LISTED:
        assert sorted(usable) == TIMM_NAMES
    else:
        assert len(usable & set(TIMM_NAMES)) > 0.9 * len(TIMM_NAMES)


def test_the_sample_covers_every_class_of_timms_list():
    from timm.optim import get_optimizer_class

    classes = {name: get_optimizer_class(name, bind_defaults=False) for name in TIMM_NAMES}
    covered = {classes[name] for name in TIMM_SAMPLE} | {classes["kron"], torch.optim.RAdam}
    assert set(classes.values()) == covered


@pytest.mark.parametrize("name", TIMM_SAMPLE)
def test_timm_optimizer_trains_and_goes_with_one_cycle(name: str):
    model, loss = problem()
    optimizer = zoo_optim.timm_optimizer(name, groups(model), 0.01)
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.01, 0.0]
    before = float(loss().detach())
    scheduler = schedules.one_cycle(optimizer, 20)
    for _ in range(20):
        train(optimizer, loss, steps=1)
        scheduler.step()
    assert float(loss().detach()) < before


def test_timm_optimizers_are_the_zoos_family():
    (family,) = (c for c in plugin.zoo_optimizers() if isinstance(c, Family))
    assert family.kind == "optimizer"
    assert load(family.target) is zoo_optim.timm_optimizer
    assert family.names == "zoo_optim:timm_optimizers.txt"
    assert not set(TIMM_NAMES) & set(NAMED)
    assert zoo_optim.timm_optimizer("lion", [nn.Parameter(torch.zeros(1))], 0.1).defaults["weight_decay"] == 0.0


def test_timm_optimizer_takes_its_own_parameters_and_no_others():
    params = [nn.Parameter(torch.zeros(2))]
    assert zoo_optim.timm_optimizer("lion", params, 0.1, betas=(0.5, 0.6)).defaults["betas"] == (0.5, 0.6)
    with pytest.raises(ValueError, match=r"'lion' has no parameter 'eps'; it has betas"):
        zoo_optim.timm_optimizer("lion", params, 0.1, eps=1e-3)
    with pytest.raises(ValueError, match=r"no optimizer 'lyon'"):
        zoo_optim.timm_optimizer("lyon", params, 0.1)


@pytest.mark.parametrize("name", SCHEDULES)
@given(total=st.integers(1, 60))
@example(total=1)
@example(total=2)
@example(total=4)
@settings(max_examples=20, deadline=None)
def test_rates_are_positive_finite_and_never_above_lr(name: str, total: int):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = rates(SCHEDULES[name], total)
    assert all(0 < rate <= 0.1 * (1 + 1e-9) for rate in seen)
    assert max(seen) > 0.03, "even the shortest training must learn something"


@pytest.mark.parametrize("name", SCHEDULES)
def test_groups_keep_their_own_rates(name: str):
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.AdamW([{"params": weights[:1], "lr": 0.1}, {"params": weights[1:], "lr": 0.01}])
    scheduler = SCHEDULES[name](optimizer, 10)
    for _ in range(10):
        first, second = (g["lr"] for g in optimizer.param_groups)
        assert first == pytest.approx(10 * second)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_goes_on_from_its_saved_state(name: str):
    def fresh() -> tuple[torch.optim.Optimizer, LRScheduler]:
        optimizer = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=0.1)
        return optimizer, SCHEDULES[name](optimizer, 20)

    optimizer, scheduler = fresh()
    follow(scheduler, optimizer, 7)
    restored, continued = fresh()
    restored.load_state_dict(optimizer.state_dict())
    continued.load_state_dict(scheduler.state_dict())
    assert follow(continued, restored, 13) == follow(scheduler, optimizer, 13)


def test_first_and_last_rates():
    total = 100
    ends = {name: (seen[0], seen[-1]) for name in SCHEDULES for seen in [rates(SCHEDULES[name], total, lr=1.0)]}
    assert ends["constant"] == (1.0, 1.0)
    assert ends["one_cycle"] == pytest.approx((1 / 25, 1 / 25 / 1e4))
    assert ends["cosine"] == pytest.approx((1 / 6, (1 + math.cos(math.pi * 94 / 95)) / 2))
    assert ends["linear"] == pytest.approx((1 / 6, 1 / 95))
    assert ends["step"] == pytest.approx((1.0, 0.01))
    assert ends["polynomial"] == pytest.approx((1.0, 0.01**2))
    assert ends["plateau"] == pytest.approx((1 / 6, 1.0)), "nobody has told it of an epoch"


def test_cosine_and_linear_without_warmup_are_torchs():
    def torchs(build: Callable[[torch.optim.Optimizer], LRScheduler]) -> list[float]:
        return rates(lambda optimizer, _: build(optimizer), 40)

    assert rates(schedules.cosine, 40, warmup=0.0, final=0.1) == pytest.approx(
        torchs(lambda o: CosineAnnealingLR(o, T_max=40, eta_min=0.01))
    )
    assert rates(schedules.linear, 40, warmup=0.0, final=0.2) == pytest.approx(
        torchs(lambda o: LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=40))
    )


def test_one_cycle_is_torchs():
    expected = rates(lambda o, t: OneCycleLR(o, max_lr=0.1, total_steps=t, pct_start=0.3, div_factor=10.0), 50)
    assert rates(schedules.one_cycle, 50, pct_start=0.3, div_factor=10.0) == pytest.approx(expected)
    assert max(expected) == pytest.approx(0.1, rel=1e-2)


@given(total=st.integers(1, 40), start=st.floats(0, 0.99) | st.sampled_from([0.25, 0.5, 0.1]))
@example(total=4, start=0.25)  # the peak falls on step 0, where torch's own divides by 0
@example(total=10, start=0.1)
@settings(max_examples=40, deadline=None)
def test_one_cycle_of_any_length_rises_then_falls(total: int, start: float):
    seen = rates(schedules.one_cycle, total, pct_start=start)
    top = seen.index(max(seen))
    assert seen[:top] == sorted(seen[:top])
    assert seen[top:] == sorted(seen[top:], reverse=True)


def test_one_cycle_cycles_only_a_momentum_that_is_used():
    weight = [nn.Parameter(torch.zeros(1))]
    adam, sgd, plain = (
        torch.optim.Adam(weight, 0.1),
        zoo_optim.sgd(weight, 0.1),
        zoo_optim.sgd(weight, 0.1, momentum=0.0),
    )
    for optimizer in (adam, sgd, plain, torch.optim.RMSprop(weight, 0.1), torch.optim.Adagrad(weight, 0.1)):
        schedules.one_cycle(optimizer, 10)
    assert adam.param_groups[0]["betas"] == (pytest.approx(0.95), 0.999)
    assert sgd.param_groups[0]["momentum"] == pytest.approx(0.95)
    assert plain.param_groups[0]["momentum"] == 0
    still = zoo_optim.sgd(weight, 0.1)
    schedules.one_cycle(still, 10, cycle_momentum=False)
    assert still.param_groups[0]["momentum"] == 0.9


def test_warmup_rises_in_equal_steps_to_the_full_rate():
    seen = rates(schedules.linear, 10, lr=1.0, warmup=0.3)
    assert seen[:4] == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1.0])
    assert seen[4:] == pytest.approx([1 - i / 7 for i in range(1, 7)])


def test_step_changes_at_its_milestones():
    seen = rates(schedules.step, 8, lr=1.0, milestones=(0.25, 0.5), gamma=0.5)
    assert seen == pytest.approx([1.0] * 2 + [0.5] * 2 + [0.25] * 4)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("one_cycle", {"pct_start": 1.0}, "pct_start is 1.0"),
        ("one_cycle", {"div_factor": 0.5}, "div_factor is 0.5"),
        ("one_cycle", {"final_div_factor": 0.0}, "final_div_factor is 0.0"),
        ("cosine", {"warmup": 1.0}, "warmup is 1.0"),
        ("cosine", {"final": -0.1}, "final is -0.1"),
        ("linear", {"warmup": -0.1}, "warmup is -0.1"),
        ("linear", {"final": math.nan}, "final is nan"),
        ("step", {"milestones": (0.5, 30.0)}, "milestones are"),
        ("step", {"gamma": 0.0}, "gamma is 0.0"),
        ("polynomial", {"power": 0.0}, "power is 0.0"),
        ("plateau", {"factor": 1.0}, "factor is 1.0"),
        ("plateau", {"patience": -1}, "patience is -1"),
        ("plateau", {"threshold": math.nan}, "threshold is nan"),
        ("plateau", {"cooldown": -1}, "cooldown is -1"),
        ("plateau", {"warmup": 1.0}, "warmup is 1.0"),
        ("plateau", {"final": 1.5}, "final is 1.5"),
    ],
)
def test_values_out_of_bounds_are_refused(name: str, params: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        rates(SCHEDULES[name], 10, **params)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_of_no_steps_is_refused(name: str):
    with pytest.raises(ValueError, match="total_steps is 0"):
        rates(SCHEDULES[name], 0)


def two_groups() -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.02)])


@given(
    values=st.lists(st.integers(0, 12).map(lambda n: n / 10) | st.just(math.nan), min_size=1, max_size=30),
    higher=st.booleans(),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    final=st.sampled_from([0.0, 0.05]),
)
@example(values=[0.5] * 12, higher=True, patience=1, cooldown=2, final=0.05)
@settings(max_examples=150, deadline=None)
def test_plateau_is_torchs_rule(values: list[float], higher: bool, patience: int, cooldown: int, final: float):
    mine, theirs = two_groups(), two_groups()
    schedule = plateau(mine, 3 * len(values), patience=patience, cooldown=cooldown, warmup=0.0, final=final)
    reference = ReduceLROnPlateau(
        theirs,
        mode="max" if higher else "min",
        patience=patience,
        threshold=1e-4,
        threshold_mode="abs",
        cooldown=cooldown,
        min_lr=[0.1 * final, 0.02 * final],
        eps=0,
    )
    for value in values:
        for _ in range(3):
            mine.step()
            schedule.step()
        schedule.epoch_ended(value, higher)
        reference.step(value)
        assert [g["lr"] for g in mine.param_groups] == pytest.approx([g["lr"] for g in theirs.param_groups], rel=1e-9)


def test_plateau_waits_out_its_patience_counts_nothing_while_it_rests_and_ends_at_its_floor():
    optimizer = two_groups()
    schedule = plateau(optimizer, 100, factor=0.5, patience=1, cooldown=1, warmup=0.0, final=0.2)
    seen = []
    for value in (0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6):
        schedule.epoch_ended(value, True)
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == pytest.approx([0.1] * 3 + [0.05] * 3 + [0.025] * 3 + [0.02] * 2)


def test_plateau_is_not_fooled_by_a_gain_within_its_threshold():
    optimizer = two_groups()
    schedule = plateau(optimizer, 100, patience=1, threshold=0.01, warmup=0.0)
    for value in (0.500, 0.505, 0.509):
        schedule.epoch_ended(value, True)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


def test_plateau_remembers_its_epochs_in_a_checkpoint():
    optimizer = two_groups()
    schedule = plateau(optimizer, 20, factor=0.5, patience=1, warmup=0.5)
    tell = [(0.9, 4), (0.8, 3), (0.7, 5), (0.7, 1), (0.7, 2), (0.6, 5)]
    state = None
    seen: list[list[float]] = []
    for i, (value, steps) in enumerate(tell):
        if i == 3:
            state = (optimizer.state_dict(), schedule.state_dict().copy(), len(seen))
        seen += [[rate] for rate in follow(schedule, optimizer, steps)]
        schedule.epoch_ended(value, True)
    assert state is not None
    restored = two_groups()
    again = plateau(restored, 20, factor=0.5, patience=1, warmup=0.5)
    restored.load_state_dict(state[0])
    again.load_state_dict(state[1])
    more: list[list[float]] = []
    for value, steps in tell[3:]:
        more += [[rate] for rate in follow(again, restored, steps)]
        again.epoch_ended(value, True)
    assert more == seen[state[2] :]
    assert min(more) < [0.1 / 3], "it fell twice"


def test_plateau_goes_on_from_a_checkpoint_of_0_1():
    state = {
        "factor": 0.5,
        "patience": 1,
        "threshold": 0.0001,
        "cooldown": 2,
        "final": 0.0,
        "warmup_steps": 10,
        "share": 0.5,
        "best": 0.95,
        "bad_epochs": 0,
        "resting": 1,
        "base_lrs": [0.1, 0.02],
        "last_epoch": 16,
        "_step_count": 17,
        "_is_initial": False,
        "_get_lr_called_within_step": False,
        "_last_lr": [0.05, 0.01],
    }
    optimizer = two_groups()
    schedule = plateau(optimizer, 20, factor=0.5, patience=1, warmup=0.5, cooldown=2)
    schedule.load_state_dict(dict(state))
    seen = []
    for value in (0.9, 0.8, 0.7, 0.6, 0.6, 0.6):
        follow(schedule, optimizer, 4)
        schedule.epoch_ended(value, True)
        seen += [group["lr"] for group in optimizer.param_groups]
    assert seen == pytest.approx([0.05, 0.01] * 2 + [0.025, 0.005] * 4)


def test_a_run_tells_plateau_what_it_monitors_also_when_it_is_resumed(zoo: Any, make_folder: Any):
    """The rate of each epoch, from the values of the epochs before it by torch's rule."""
    data = make_folder({"train/red": 6, "train/blue": 6, "val/red": 3, "val/blue": 3})
    words = ("--recipe", "none", "--image-size", "8", "--batch-size", "4", "--lr", "0.5", "--quiet", "--device", "cpu")
    job = (
        *("--set", "architecture.channels=[4]", "--set", "train.optimizer=sgd", "--set", "train.monitor=val/loss"),
        *("--set", "train.schedule={name: plateau, factor: 0.5, patience: 0, warmup: 0.0}", "--epochs", "8"),
    )
    assert zoo("run", "simple_cnn", data, *words, *job, "--name", "whole")[0] == 0
    epochs = json.loads(Path("runs/whole/result.json").read_text("utf-8"))["epochs"]
    reference = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    torchs = ReduceLROnPlateau(reference, factor=0.5, patience=0, threshold=1e-4, threshold_mode="abs")
    for epoch in epochs:
        assert epoch["lr"] == pytest.approx(reference.param_groups[0]["lr"])
        torchs.step(epoch["val"]["loss"])
    assert epochs[-1]["lr"] < 0.5, "it fell at least once, or this says nothing"
    with pytest.MonkeyPatch.context() as patch:
        _interrupt_after(patch, 5)
        assert zoo("run", "simple_cnn", data, *words, *job, "--name", "part")[0] == 130
    assert zoo("run", "--resume", "runs/part", "--quiet")[0] == 0
    resumed = json.loads(Path("runs/part/result.json").read_text("utf-8"))["epochs"]
    assert [(e["lr"], e["val"]) for e in resumed] == [(e["lr"], e["val"]) for e in epochs]


def _interrupt_after(patch: pytest.MonkeyPatch, epochs: int) -> None:
    """As by Ctrl-C, in the epoch after those."""
    from zoo.runner.training import Training

    own = Training._epoch

    def interrupted(self: Training, epoch: int) -> dict[str, Any]:
        if epoch > epochs:
            raise KeyboardInterrupt
        return own(self, epoch)

    patch.setattr(Training, "_epoch", interrupted)
