"""The network as a run trains it: what is frozen when, what is averaged, and when its head is trained alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zoo.errors import RequestError
from zoo.job.schema import Train
from zoo.runner.trainable_model import TrainableModel

IMAGES = torch.zeros(2, 3, 8, 8)


def train(**given: Any) -> Train:
    plain = {"epochs": 6, "batch_size": 4, "image_size": 8, "optimizer": "sgd", "lr": 0.1, "weight_decay": 0.0}
    return Train.model_validate({**plain, "schedule": "constant", **given})


def network() -> nn.Module:
    layers = [layer for _ in range(3) for layer in (nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))


def learner(*, plain: bool = True, model: nn.Module | None = None, **given: Any) -> TrainableModel:
    made = TrainableModel(model or network(), train(**given), IMAGES, plain=plain)
    made.begin_average()
    return made


def learning(model: nn.Module) -> set[str]:
    return {name.partition(".")[0] for name, p in model.named_parameters() if p.requires_grad}


def test_without_a_word_everything_learns_in_one_block():
    made = learner()
    assert made.trained is made.model is made.final
    assert not made.alone
    assert [b.name for b in made.blocks] == ["network"]
    assert learning(made.model) == {"0", "1", "2", "3", "4", "5", "8"}


def test_a_frozen_backbone_with_the_same_images_in_every_epoch_runs_once():
    made = learner(freeze="backbone")
    assert made.alone
    assert made.trained is made.model[8]
    assert [b.name for b in made.learning()] == ["8"]
    assert learning(made.model) == {"8"}


@pytest.mark.parametrize("given", [{"plain": False}, {"freeze_epochs": 2}, {"freeze": 1}])
def test_else_the_whole_network_runs(given: dict[str, Any]):
    made = learner(**{"freeze": "backbone", **given})
    assert not made.alone
    assert made.trained is made.model


@pytest.mark.parametrize(("more", "most"), [(4, 3), (99, 3)])
def test_more_blocks_than_the_network_has_are_refused(more: int, most: int):
    with pytest.raises(RequestError) as caught:
        learner(freeze=more)
    assert str(caught.value) == (
        f"--freeze {more}: the network has {most} blocks before its last layer, which is always trained. Type: "
        f"--freeze backbone, or a number from 1 to {most}"
    )
    assert [b.name for b in learner(freeze=most).learning()] == ["8"]


def test_blocks_are_let_go_the_last_ones_first():
    made = learner(freeze="backbone", freeze_epochs=2, unfreeze_epochs=2)
    assert len(made.learning()) == 4
    seen = []
    for epoch in range(1, 7):
        made.begin_epoch(epoch)
        seen.append(sorted(learning(made.model)))
    assert seen[0] == seen[1] == ["8"]
    assert seen[2] == ["4", "5", "8"]
    assert seen[3] == ["2", "3", "4", "5", "8"]
    assert seen[4] == seen[5] == ["0", "1", "2", "3", "4", "5", "8"]
    assert made.frozen == []


@given(st.integers(2, 40), st.integers(1, 30), st.integers(0, 30), st.sampled_from(["backbone", 1, 3, 100]))
def test_what_was_let_go_is_never_frozen_again(count: int, epochs: int, over: int, what: Any):
    job = train(epochs=100, freeze=what, freeze_epochs=epochs, unfreeze_epochs=over)
    frozen = [job.frozen_blocks(epoch, count) for epoch in range(1, 100)]
    assert frozen == sorted(frozen, reverse=True)
    assert frozen[0] == (count - 1 if what == "backbone" else min(what, count - 1))
    assert frozen[:epochs] == [frozen[0]] * min(epochs, 99)
    assert frozen[epochs + over :] == [0] * len(frozen[epochs + over :])


def test_norms_may_keep_their_statistics_while_all_else_learns():
    made = learner(freeze_norms=True)
    assert made.frozen == [made.model[1], made.model[3], made.model[5]]
    made.begin_epoch(2)
    assert len(made.frozen) == 3
    assert learning(made.model) == {"0", "1", "2", "3", "4", "5", "8"}


def test_a_network_without_a_head_can_not_be_frozen():
    class Bare(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean((2, 3))[:, :2]

    with pytest.raises(RequestError, match=r"get_classifier\(\)"):
        learner(model=Bare(), freeze="backbone")


@pytest.mark.parametrize("given", [{"freeze": "backbone"}, {}], ids=["head alone", "whole"])
def test_the_last_epochs_are_averaged(given: dict[str, Any]):
    made = learner(swa_epochs=2, epochs=3, **given)
    assert made.final is made.model, "there is no average yet"
    weights = []
    for epoch in (1, 2, 3):
        with torch.no_grad():
            made.model[8].weight.fill_(float(epoch))
        made.after_step()
        made.end_epoch(epoch)
        weights.append(made.final.get_submodule("8").weight.mean().item())
    assert weights == [1.0, 2.0, 2.5]
    assert made.final is not made.model
    assert made.part_of(made.final)(torch.zeros(2, 3) if made.alone else IMAGES).shape == (2, 2)
    assert "average" in made.stateful()


def test_a_moving_average_follows_every_step():
    made = learner(ema_decay=0.5)
    with torch.no_grad():
        made.model[8].weight.fill_(0.0)
    made.after_step()  # the first is a copy
    with torch.no_grad():
        made.model[8].weight.fill_(1.0)
    made.after_step()
    assert made.final.get_submodule("8").weight.mean().item() == pytest.approx(0.5)


@pytest.mark.parametrize("given", [{"freeze_epochs": 2}, {"freeze": 1, "unfreeze_epochs": 2}])
def test_what_would_say_nothing_is_refused(given: dict[str, Any]):
    with pytest.raises(ValueError, match=r"freeze_epochs"):
        train(**given)


def test_two_averages_at_once_are_refused():
    with pytest.raises(ValueError, match="swa_epochs and ema_decay can't be combined"):
        train(ema_decay=0.9, swa_epochs=2)
