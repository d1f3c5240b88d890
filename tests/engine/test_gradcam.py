"""Grad-CAM: the place that the answer came from, and nothing changed by looking for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zoo.engine.gradcam import evidence_of, grad_cam, painted
from zoo.engine.ordinal import OrdinalTask
from zoo.engine.regression import RegressionTask


class Bright(nn.Module):
    """Class 1 by how bright the picture is anywhere, class 0 by nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.constant_(self.look.weight, 1 / 9)

    def forward(self, images: Tensor) -> Tensor:
        light = self.look(images).amax((1, 2, 3))
        return torch.stack([torch.zeros_like(light), light], 1)


def spots() -> Tensor:
    images = torch.zeros(2, 1, 16, 16)
    images[0, :, 2:5, 2:5] = images[1, :, 10:13, 9:12] = 1
    return images


def test_the_map_is_hot_where_the_evidence_is():
    heat = grad_cam(Bright().eval(), spots(), torch.tensor([1, 1]))
    assert heat is not None
    assert heat.shape == (2, 16, 16)
    assert [divmod(int(h.argmax()), 16) for h in heat] == [(3, 3), (11, 10)]
    assert float(heat.min()) >= 0
    assert float(heat.max()) == 1


def test_weights_gradients_and_frozen_parts_stay_as_they_are():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    model.eval().requires_grad_(False)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert grad_cam(model, spots(), torch.tensor([0, 1])) is not None
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_without_places_has_no_map():
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.ReLU(), nn.Linear(8, 2))
    assert grad_cam(model.eval(), spots(), torch.tensor([0, 1])) is None


def test_a_network_with_one_logit_is_asked_for_that():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 1))
    heat = grad_cam(model.eval(), spots(), torch.tensor([0, 1]))
    assert heat is not None


class TwoClasses(nn.Module):
    """Light speaks for one of two classes, in each of the forms that logits of two classes have."""

    def __init__(self, form: str, whose: int):
        super().__init__()
        self.bright, self.form, self.sign = Bright(), form, 2 * whose - 1

    def forward(self, images: Tensor) -> Tensor:
        second = self.sign * self.bright(images)[:, 1]
        first = -second if self.form == "pair" else torch.zeros_like(second)
        return second[:, None] if self.form == "alone" else torch.stack([first, second], 1)


@pytest.mark.parametrize("form", ["pair", "constant", "alone"])
@pytest.mark.parametrize("whose", [0, 1])
def test_either_of_two_classes_has_evidence(form: str, whose: int):
    """The first's logit may be a constant: the maps of a run whose mistakes were all called so were empty."""
    model = TwoClasses(form, whose).eval()
    heat = grad_cam(model, spots(), torch.tensor([whose, whose]))
    assert heat is not None
    assert [divmod(int(h.argmax()), 16) for h in heat] == [(3, 3), (11, 10)]
    other = grad_cam(model, spots(), torch.tensor([1 - whose, 1 - whose]))
    assert other is not None
    assert not other.any(), "all of it is against the other class"


def test_of_several_labels_each_logit_is_evidence_by_itself():
    model = TwoClasses("constant", 0)
    heat = grad_cam(model.eval(), spots(), torch.tensor([0, 0]), multilabel=True)
    assert heat is not None
    assert not heat.any(), "a constant says nothing of its label"


def test_a_map_without_a_place_is_no_picture():
    """Painted, it would be the picture itself."""
    heat = grad_cam(Bright().eval(), spots(), torch.tensor([0, 0]))
    assert heat is not None
    assert not heat.any(), "all evidence is against it"
    pixels = np.full((16, 16, 3), 100, np.uint8)
    assert painted(pixels, heat[0].numpy()) is None
    some = grad_cam(Bright().eval(), spots(), torch.tensor([1, 1]))
    assert (painted(pixels, some[0].numpy()) != pixels).any()


class Balance(nn.Module):
    """One value: how much is bright, less how much is dark."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 2, 1, bias=False)
        self.look.weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
        self.seen = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        bright, dark = self.seen(self.look(images)).mean((2, 3)).T
        return (bright - dark)[:, None]


def test_a_map_shows_what_raises_a_high_value_and_what_lowers_a_low_one():
    images = torch.zeros(2, 1, 16, 16)
    images[:, :, 6:9, 2:5] = torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
    images[:, :, 6:9, 11:14] = torch.tensor([-0.5, -1.0]).view(2, 1, 1, 1)
    task, model = RegressionTask([5.0], [2.0]), Balance().eval()
    assert (task.read(model(images)) > 5).flatten().tolist() == [True, False]
    heat = grad_cam(model, images, torch.tensor([0, 0]), multilabel=task.independent, read=evidence_of(task))
    assert heat is not None
    assert [int(h.argmax()) % 16 < 8 for h in heat] == [True, False]


def test_a_map_explains_a_rank_of_a_network_with_fewer_outputs():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    task = OrdinalTask({"kind": "corn"})
    maps = [grad_cam(model, spots(), torch.tensor([k, k]), read=evidence_of(task)) for k in range(3)]
    assert all(heat is not None and heat.shape == (2, 16, 16) for heat in maps)
    assert not torch.equal(maps[0], maps[2])
