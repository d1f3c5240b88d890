"""One epoch of training: each batch a step, a schedule stepped with it, and a word when the loss is no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from zoo.engine.execution import Execution
from zoo.engine.layer_groups import Block
from zoo.engine.param_groups import parameter_groups, weight_penalty
from zoo.engine.step import StepConfig
from zoo.engine.train import EpochProgress, train_epoch
from zoo.errors import TrainingError

PLAIN = Execution(torch.device("cpu"))
Batches = list[tuple[Tensor, Tensor]]


def batches(sizes: tuple[int, ...] = (8, 8, 5)) -> Batches:
    """Points in a plane, by the side they lie on."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for size in sizes:
        points = torch.randn(size, 2, generator=generator)
        found.append((points, (points.sum(1) > 0).long()))
    return found


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def whole(model: nn.Module) -> list[Block]:
    return [Block("network", tuple(model.parameters()))]


def epoch(
    model: nn.Module, given: Batches | None = None, lr: float = 0.1, loss: Any = cross_entropy, **more: Any
) -> Any:
    optimizer = more.pop("optimizer", None) or torch.optim.SGD(model.parameters(), lr=lr)
    progress = EpochProgress(on_step=more.pop("on_step", None))
    given = batches() if given is None else given
    return train_epoch(model, given, loss, optimizer, PLAIN, StepConfig(**more), progress)


def test_the_loss_falls_and_the_answers_get_right():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    totals = [epoch(model, optimizer=optimizer) for _ in range(30)]
    assert totals[-1].loss < totals[0].loss / 2
    assert totals[-1].accuracy > 0.9
    assert totals[0].seen == 21


def test_a_step_is_torchs_own():
    model, reference = network(), network()
    epoch(model, lr=0.05)
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.05)
    for images, targets in batches():
        optimizer.zero_grad()
        cross_entropy(reference(images), targets).backward()
        optimizer.step()
    for mine, torchs in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.equal(mine, torchs)


def test_totals_are_means_over_images_of_what_was_seen_while_training():
    model = network()
    seen: list[tuple[float, int]] = []

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        value = cross_entropy(logits, targets)
        seen.append((float(value.detach()), len(targets)))
        return value

    totals = epoch(model, loss=loss)
    assert totals.loss == pytest.approx(sum(v * n for v, n in seen) / 21)


def test_soft_targets_are_trained_on():
    soft = [(images, one_hot(targets, 2).float()) for images, targets in batches()]
    model, hard = network(), network()
    epoch(model, soft)
    epoch(hard)
    for mine, other in zip(model.parameters(), hard.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-6)


def test_the_model_is_in_training_mode():
    model = network().eval()
    before = model[1].running_mean.clone()
    epoch(model)
    assert model.training
    assert not torch.equal(model[1].running_mean, before)


def test_the_schedule_is_stepped_after_each_optimizer_step():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    rates: list[float] = []
    epoch(
        model, optimizer=optimizer, schedule=schedule, on_step=lambda *_: rates.append(optimizer.param_groups[0]["lr"])
    )
    assert rates == pytest.approx([1 / 2, 1 / 3, 1 / 4])


def test_after_each_step_averages_and_observers_are_called():
    told: list[Any] = []
    epoch(
        network(),
        after_step=lambda: told.append("after"),
        on_step=lambda seen, totals: told.append((seen, totals.seen)),
    )
    assert told == ["after", (8, 8), "after", (16, 16), "after", (21, 21)]


def broken_at(step: int, value: float) -> Callable[[Tensor, Tensor], Tensor]:
    calls = iter(range(1, 100))

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(logits, targets) * (value if next(calls) == step else 1.0)

    return loss


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_stops_and_names_the_step(value: float):
    seen: list[int] = []
    with pytest.raises(TrainingError) as caught:
        epoch(network(), loss=broken_at(2, value), on_step=lambda done, _: seen.append(done))
    text = str(caught.value)
    assert f"The loss became {value} at step 2 of the epoch." in text
    for way_out in ("--lr", "clip_norm", "--precision fp32"):
        assert way_out in text
    assert seen == [8], "not one step more"
    assert caught.value.exit_code == 1


def spoils(logits: Tensor, targets: Tensor) -> Tensor:
    """A loss that is a number, with a gradient that is none: that of a square root at 0."""
    return cross_entropy(logits, targets) + (0 * logits).sum().sqrt()


def test_weights_that_are_no_numbers_are_told_where_the_loss_still_is_one():
    model = network()
    with pytest.raises(TrainingError, match=r"Weights became NaN or infinite \(.*weight.*--lr"):
        epoch(model, batches((8,)), loss=spoils)
    assert not next(model.parameters()).isfinite().all()


def test_a_mask_may_be_infinite_and_a_statistic_no_nan():
    model = network()
    model.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    assert math.isfinite(epoch(model).loss)
    model.register_buffer("mean", torch.tensor([math.nan]))
    with pytest.raises(TrainingError, match=r"NaN or infinite \(mean\)"):
        epoch(model)


def test_the_gradient_is_clipped_to_its_largest_norm():
    def moved(**more: Any) -> float:
        model = network()
        before = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
        epoch(model, batches((8,)), lr=1.0, loss=lambda *a: 1000 * cross_entropy(*a), **more)
        return float((nn.utils.parameters_to_vector(model.parameters()).detach() - before).norm())

    assert moved() > 1
    assert moved(clip_norm=0.25) == pytest.approx(0.25, rel=1e-3)
    assert moved(clip_norm=1e6) == moved()


def test_bfloat16_trains():
    model = network()
    execution = Execution(torch.device("cpu"), torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = [train_epoch(model, batches(), cross_entropy, optimizer, execution).loss for _ in range(20)]
    assert losses[-1] < losses[0] / 2
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_no_gradient_is_carried_over_from_before():
    model, clean = network(), network()
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)
    epoch(model)
    epoch(clean)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), clean.parameters(), strict=True))


@pytest.mark.parametrize("pieces", [2, 3, 50])
def test_a_batch_in_pieces_is_the_same_step(pieces: int):
    whole_model, piecewise = (nn.Sequential(*list(network())[::2]) for _ in range(2))  # norms differ: they see pieces
    whole_totals = epoch(whole_model)
    totals = epoch(piecewise, accumulate=pieces)
    assert totals.loss == pytest.approx(whole_totals.loss, rel=1e-5)
    assert (totals.accuracy, totals.seen) == (whole_totals.accuracy, whole_totals.seen)
    for a, b in zip(whole_model.parameters(), piecewise.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_a_penalty_is_torchs_own_decay_and_is_not_told():
    """l2 / 2 * |w|^2 has the gradient l2 * w, which is what SGD's weight_decay adds."""
    penalised, decayed = network(), network()
    told = epoch(penalised, penalty=weight_penalty(penalised.parameters(), 0.0, 0.3))
    plain = epoch(decayed, optimizer=torch.optim.SGD(parameter_groups(whole(decayed), 0.1, 0.3), lr=0.1))
    for a, b in zip(penalised.parameters(), decayed.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
    assert told.loss == pytest.approx(plain.loss, rel=1e-5)


def test_frozen_layers_stay_as_in_evaluation():
    model = network()
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm1d))
    before = norm.running_mean.clone()
    epoch(model, frozen=[norm])
    assert torch.equal(norm.running_mean, before)
    assert not norm.training
    epoch(model)
    assert norm.training
    assert not torch.equal(norm.running_mean, before)
