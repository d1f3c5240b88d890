"""Batch norms folded away: the same answers, or the network as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zoo.engine.fuse_bn import fold_norms
from zoo.engine.tta import Averaged


def moved(model: nn.Module) -> nn.Module:
    """With statistics and factors that matter."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -1, 1)
    return model


def norms(model: nn.Module) -> int:
    return sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())


@pytest.mark.parametrize(
    "name", ["resnet10t", "test_efficientnet", "test_resnet", "lcnet_035", "test_vit", "test_nfnet"]
)
def test_timms_networks_answer_as_before(name: str):
    import timm

    model = moved(timm.create_model(name, num_classes=5))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    size = 160 if "vit" in name else 64
    folded = fold_norms(model, torch.rand(2, 3, size, size))
    others = torch.rand(3, 3, size, size)
    with torch.inference_mode():
        torch.testing.assert_close(folded(others), model(others), rtol=1e-3, atol=1e-4)
    assert norms(folded) == 0
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items()), "the network itself is left alone"


def test_torchvisions_networks_answer_as_before():
    import torchvision

    model = moved(torchvision.models.mobilenet_v3_small(num_classes=4))
    images = torch.rand(2, 3, 64, 64)
    folded = fold_norms(model, images)
    assert norms(folded) == 0
    with torch.inference_mode():
        torch.testing.assert_close(folded(images), model.eval()(images), rtol=1e-3, atol=1e-4)


class Odd(nn.Module):
    """Uses a convolution's output twice: its norm can't be folded into it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)

    def forward(self, images: Tensor) -> Tensor:
        first = self.conv(images)
        return self.out((first * self.norm(first)).mean((2, 3)))


def test_a_network_that_would_answer_otherwise_is_left_as_it_is():
    model = moved(Odd())
    assert fold_norms(model, torch.rand(2, 3, 8, 8)) is model
    assert not model.training


class Twice(nn.Module):
    """Runs its convolution twice; its norm every time, or only the first."""

    def __init__(self, always: bool) -> None:
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Linear(3, 2)
        self.always = always

    def forward(self, images: Tensor) -> Tensor:
        again = self.conv(self.norm(self.conv(images)))
        return self.out((self.norm(again) if self.always else again).mean((2, 3)))


@pytest.mark.parametrize("always", [True, False])
def test_a_convolution_that_runs_twice_loses_its_norm_only_where_that_always_follows(always: bool):
    model, images = moved(Twice(always)), torch.rand(2, 3, 8, 8)
    folded = fold_norms(model, images)
    with torch.inference_mode():
        torch.testing.assert_close(folded(images), model(images))
    assert norms(folded) == (0 if always else 1)


def test_a_network_of_several_views_is_folded_too():
    import timm

    model = Averaged(moved(timm.create_model("test_resnet", num_classes=3)), "flip_crops")
    images = torch.rand(2, 3, 32, 32)
    folded = fold_norms(model, images)
    with torch.inference_mode():
        torch.testing.assert_close(folded(images), model(images), rtol=1e-3, atol=1e-4)
    assert norms(folded) == 0


def test_a_network_without_norms_is_not_even_copied():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten()).train()
    assert fold_norms(model, torch.rand(2, 3, 4, 4)) is model
    assert not model.training


def test_weights_that_are_no_numbers_are_not_folded_and_not_refused():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    nn.init.constant_(model.get_parameter("0.weight"), float("nan"))
    assert fold_norms(model, torch.zeros(2, 1, 4, 4)) is model
