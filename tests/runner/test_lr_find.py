"""The learning-rate range test, and ``--lr auto``."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zoo.engine.batch_weights import weight_of
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.runner.checkpoint import random_states
from zoo.runner.components import RunComponents, build_components
from zoo.runner.lr_find import _Sweep, as_before, find_lr, judge, smooth, suggest
from zoo.runner.observer import Observer

LRS = [1e-6 * 10 ** (i / 14) for i in range(99)]  # 1e-6 to 1e1

TINY = ("--epochs", "1", "--set", "architecture.channels=[8,16]")


def digits_parts(**options) -> RunComponents:
    asked = {"architecture": "simple_cnn", "dataset": "digits", "set": {"architecture.channels": [8, 16], **options}}
    return build_components(resolve(make_request(asked), open_registry()), Observer())


def curve(fall: float, rise: float) -> list[float]:
    """2.3, falling to 0.3 about ``fall``, and rising about ``rise``."""
    logs = [math.log10(lr) for lr in LRS]
    return [
        2.3 - 2 / (1 + math.exp(-6 * (x - math.log10(fall)))) + 9 / (1 + math.exp(-9 * (x - math.log10(rise))))
        for x in logs
    ]


# -- the curve ------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.floats(0, 0.99))
def test_smoothing_is_a_weighted_mean_of_what_came_before(losses, beta):
    found = smooth(losses, beta)
    for i, value in enumerate(found):
        weights = [beta ** (i - j) for j in range(i + 1)]
        mean = sum(w * x for w, x in zip(weights, losses, strict=False)) / sum(weights)
        assert value == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize("fall", [1e-4, 1e-3, 1e-2])
def test_suggestions_of_a_clear_curve_lie_in_its_fall(fall):
    found = suggest(LRS, curve(fall, 100 * fall))
    assert found["steepest"] == pytest.approx(fall, rel=0.3)
    assert fall / 3 < found["valley"] < 10 * fall
    lowest = LRS[min(range(99), key=curve(fall, 100 * fall).__getitem__)]
    assert found["minimum/10"] == lowest / 10


@given(st.floats(0.01, 100), st.floats(-10, 10))
def test_suggestions_do_not_hang_on_the_scale_of_the_loss(scale, offset):
    plain = suggest(LRS, curve(1e-3, 1e-1))
    scaled = suggest(LRS, [scale * loss + offset for loss in curve(1e-3, 1e-1)])
    for rule, lr in plain.items():
        assert scaled[rule] == pytest.approx(lr, rel=0.2), rule


@pytest.mark.parametrize("losses", [[2.0] * 50, [2.0 + i for i in range(50)], [1.0], []])
def test_a_loss_that_never_falls_gives_no_suggestion(losses):
    found = judge(LRS[: len(losses)], losses)
    assert found.suggestions == {}
    assert found.lr is None


# -- the sweep ------------------------------------------------------------------------------------------


def sweep_over(losses: list[float], lrs: list[float]) -> _Sweep:
    weight = nn.Parameter(torch.zeros(1))
    sweep = _Sweep(torch.optim.SGD([weight], lr=0.1), lrs, 0.1)
    for loss in losses:
        if sweep.ended:
            break
        sweep.listen(lambda logits, targets, loss=loss: torch.tensor(loss))(None, torch.zeros(2))
        sweep.step()
    return sweep


def test_groups_with_rates_of_their_own_keep_the_ratio():
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([{"params": [a], "lr": 0.5}, {"params": [b], "lr": 0.05}], lr=0.5)
    sweep = _Sweep(optimizer, [1e-3, 1e-2], 0.5)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([1e-3, 1e-4])
    sweep.listen(lambda logits, targets: torch.tensor(1.0))(None, torch.zeros(2))
    sweep.step()
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([1e-2, 1e-3])


def test_it_ends_when_the_loss_runs_away_or_is_no_number_or_the_range_is_through():
    away = sweep_over([1.0] * 10 + [1000.0] * 40, LRS)
    assert "4 times its minimum" in away.ended
    assert len(away.losses) == 11
    assert "NaN" in sweep_over([1.0, 1.0, math.nan, 1.0], LRS).ended
    assert sweep_over([1.0, 1.0, math.nan], LRS).losses == [1.0, 1.0]
    assert sweep_over([1.0] * 99, LRS).ended == "the end of the range was reached"
    assert sweep_over([-1.0] * 99, LRS).ended == "the end of the range was reached", (
        "a loss below zero is no running away"
    )


class Labels(nn.Module):
    """The mean of the labels, weighted by the labels."""

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return targets.square().sum() / targets.sum()

    def weight_of(self, targets: torch.Tensor) -> torch.Tensor:
        return targets.sum()


@pytest.mark.parametrize("loss", [lambda logits, targets: targets.float().mean(), Labels()])
def test_the_loss_of_a_step_is_that_of_its_batch(loss):
    batch = torch.tensor([1, 2, 3, 4, 5, 6, 7])
    sweep = _Sweep(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0), LRS, 1.0)
    for piece in batch.split(3):
        sweep.listen(loss)(None, piece)
    sweep.step()
    assert sweep.losses == [pytest.approx(float(loss(None, batch)))]


def test_the_range_test_takes_the_step_of_training():
    """Else a weighted loss in pieces would take another step there."""
    sweep = _Sweep(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0), LRS, 1.0)
    targets = torch.tensor([1, 2, 3])
    assert weight_of(sweep.listen(Labels()), targets) == 6
    assert weight_of(sweep.listen(nn.CrossEntropyLoss()), targets) is None


# -- on a run's parts -----------------------------------------------------------------------------------


def everything(parts: RunComponents) -> dict:
    state = {f"model.{k}": v.clone() for k, v in parts.model.state_dict().items()}
    state |= {f"random.{k}": v for k, v in random_states().items()}
    return state


def test_all_is_as_before_bit_for_bit():
    parts = digits_parts()
    before, optimizer = everything(parts), repr(parts.optimizer.state_dict())
    batches, training = dict(vars(parts.train_batches)), [m.training for m in parts.model.modules()]
    found = find_lr(parts, steps=20)
    assert len(found.lrs) > 10
    after = everything(parts)
    assert set(before) == set(after)
    for key, value in before.items():
        same = torch.equal(value, after[key]) if isinstance(value, torch.Tensor) else repr(value) == repr(after[key])
        assert same, key
    assert repr(parts.optimizer.state_dict()) == optimizer
    assert vars(parts.train_batches) == batches
    assert [m.training for m in parts.model.modules()] == training
    assert all(p.grad is None for p in parts.model.parameters())


def test_what_is_put_back_was_changed():
    parts = digits_parts()
    with as_before(parts):
        with torch.no_grad():
            for parameter in parts.model.parameters():
                parameter.add_(1)
        changed = everything(parts)
        torch.rand(1)
    after = everything(parts)
    weights = [k for k in after if k.endswith("weight")]
    assert weights
    assert not any(torch.equal(after[k], changed[k]) for k in weights)


def test_fewer_batches_than_steps_come_round_again():
    parts = digits_parts(**{"train.batch_size": 1000})
    assert len(parts.train_batches) == 2
    told = []
    found = find_lr(parts, steps=20, lowest=1e-5, highest=1e-2, on_step=lambda done, total: told.append((done, total)))
    assert len(found.losses) == 20
    assert told[-1] == (20, 20)
    assert found.lrs[0] == pytest.approx(1e-5)
    assert found.lrs[-1] == pytest.approx(1e-2)


# -- zoo run --lr auto ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_that_found_its_rate_equals_one_that_was_told(zoo):
    code, out, _ = zoo("run", "simple_cnn", "digits", *TINY, "--lr", "auto", "--name", "found")
    assert code == 0
    assert "by a range test" in out
    job = yaml.safe_load(Path("runs/found/job.yaml").read_text())
    lr = job["train"]["lr"]
    assert isinstance(lr, float)
    result = json.loads(Path("runs/found/result.json").read_text())
    assert result["job"]["train"]["lr"] == lr == result["tuning"]["lr"]["lr"]
    assert result["job_sources"]["train.lr"] == "range test"
    assert zoo("run", "simple_cnn", "digits", *TINY, "--lr", lr, "--name", "told", "--quiet")[0] == 0
    weights = [Path(f"runs/{name}/model/model.safetensors").read_bytes() for name in ("found", "told")]
    assert weights[0] == weights[1]
    told = json.loads(Path("runs/told/result.json").read_text())
    assert told["metrics"] == result["metrics"]
    assert "tuning" not in told


def test_auto_by_set_and_by_a_file_and_in_a_dry_run(zoo):
    Path("job.yaml").write_text("architecture: simple_cnn\ndataset: digits\ntrain: {lr: auto}\n")
    for words in (["simple_cnn", "digits", "--set", "train.lr=auto"], ["job.yaml"]):
        code, out, _ = zoo("run", *words, "--dry-run", "--json")
        assert code == 0
        assert json.loads(out)["job"]["train"]["lr"] == "auto"


@pytest.mark.slow
def test_resuming_goes_on_with_the_rate_that_was_found(zoo):
    words = ("run", "simple_cnn", "digits", *TINY, "--lr", "auto", "--name", "n", "--quiet")
    assert zoo(*words)[0] == 0
    before = Path("runs/n/job.yaml").read_text()
    code, out, err = zoo(*words, "--resume")
    assert (code, err) == (0, "")
    assert "range test" not in out
    assert Path("runs/n/job.yaml").read_text() == before
