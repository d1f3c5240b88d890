"""Grad-CAM: the place that the answer came from, and nothing changed by looking for it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.engine.gradcam import grad_cam


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
