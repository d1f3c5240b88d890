"""What a step multiplies: counted by hand, and done again by itself."""

from __future__ import annotations

import copy
from itertools import count

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from zoo.engine.execution import Execution, cpu_has_lstm_in
from zoo_bench import roofline
from zoo_simple.cnn import simple_cnn

CPU = Execution(torch.device("cpu"))
BF16 = Execution(torch.device("cpu"), torch.bfloat16)
IMAGES = torch.rand(2, 3, 6, 6)
CONV, DENSE = 2 * 16 * 8 * 27, 2 * 8 * 16 * 5
"""Operations of :func:`small` for an image."""


def small() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.Flatten(), nn.Linear(8 * 16, 5, bias=False))


def flops(model: nn.Module, images: Tensor = IMAGES, *, train: bool = True) -> float:
    return roofline.products_of(model, images, CPU, train=train).flops / len(images)


def operations(products: roofline.Products) -> dict[str, int]:
    found: dict[str, int] = {}
    for call, times in products.calls.items():
        found[str(call.operation)] = found.get(str(call.operation), 0) + times
    return found


class Attention(nn.Module):
    """Queries, keys and values that learn, for any images: two heads, three places, four channels."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.rand(1, 2, 3, 4))

    def forward(self, images: Tensor) -> Tensor:
        q = self.places.repeat(len(images), 1, 1, 1)
        return nn.functional.scaled_dot_product_attention(q, q + 1, q + 2).flatten(1)


class Recurrent(nn.Module):
    """Rows of an image as a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(18, 5, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.transpose(1, 2).flatten(2))[0][:, -1]


def test_a_multiplication_and_an_addition_are_two():
    assert flops(small(), train=False) == CONV + DENSE


def test_the_first_convolution_needs_no_gradient_of_the_images():
    assert flops(small()) == 2 * CONV + 3 * DENSE


def test_what_is_frozen_has_no_gradient_of_weights():
    model = small()
    model[0].requires_grad_(False)
    assert flops(model) == CONV + 2 * DENSE
    assert flops(model.requires_grad_(False)) == CONV + DENSE


def test_groups_make_the_way_back_as_short_as_the_way_there():
    model = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.Conv2d(8, 8, 3, groups=8, bias=False), nn.Flatten())
    assert flops(model) == 2 * (2 * 36 * 3 * 8) + 3 * (2 * 16 * 8 * 9)


def test_a_transposed_convolution_is_counted_by_its_input():
    model = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.ConvTranspose2d(4, 6, 2, 2, groups=2, bias=False))
    model.append(nn.Flatten())
    assert flops(model) == 2 * (2 * 36 * 3 * 4) + 3 * (2 * 36 * 4 * 3 * 4)


def test_attention_and_lstm_are_products():
    one = 2 * 2 * 3 * 3 * 4
    assert flops(Attention(), train=False) == 2 * one
    assert flops(Attention()) == 7 * one  # going back computes the scores once more
    layer = 2 * 6 * (20 * 18 + 20 * 5)
    assert flops(Recurrent(), train=False) == layer
    assert flops(Recurrent()) == 3 * layer


@pytest.mark.parametrize(
    ("model", "side"), [(simple_cnn(2, image_size=32, channels=(8, 16), hidden=16), 32), (resnet18(num_classes=2), 32)]
)
def test_training_is_less_than_three_answers_and_more_than_two(model: nn.Module, side: int):
    images = torch.rand(2, 3, side, side)
    there, both = flops(model, images, train=False), flops(model, images)
    assert 2 * there < both < 3 * there
    *backbone, _head = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for module in backbone:
        module.requires_grad_(False)
    assert there < flops(model, images) < both


def test_the_network_and_the_random_state_stay_as_they_were():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), small()).eval()
    before, drawn = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    products = roofline.products_of(model, IMAGES, CPU)
    roofline.seconds_of(products, CPU)
    assert torch.equal(drawn, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not model.training
    assert all(p.grad is None for p in model.parameters())


def test_frozen_layers_stay_as_in_evaluation():
    class Norm(nn.Flatten):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images) @ torch.ones(108, 2 if self.training else 1, requires_grad=True)

    model = nn.Sequential(Norm())
    assert roofline.products_of(model, IMAGES, CPU).flops == 2 * roofline.products_of(model, IMAGES, CPU, ["0"]).flops


def test_calls_of_one_form_are_counted_together():
    layer = nn.Conv2d(8, 8, 3, padding=1)
    products = roofline.products_of(nn.Sequential(nn.Conv2d(3, 8, 1), layer, layer, nn.Flatten()), IMAGES, CPU)
    assert operations(products) == {"aten.convolution.default": 3, "aten.convolution_backward.default": 3}
    there = [times for call, times in products.calls.items() if "backward" not in str(call.operation)]
    assert sorted(there) == [1, 2]


def test_products_are_those_of_the_execution():
    def forms(execution: Execution) -> set[tuple[torch.dtype, bool]]:
        calls = roofline.products_of(
            nn.Sequential(nn.Conv2d(8, 8, 3), nn.Flatten()), torch.rand(2, 8, 6, 6), execution
        ).calls
        given = [call.args[0] for call in calls if call.operation is torch.ops.aten.convolution.default]
        return {(like.dtype, like.stride[1] == 1) for like in given}

    assert forms(CPU) == {(torch.float32, True)}
    assert forms(Execution(CPU.device, channels_last=False)) == {(torch.float32, False)}
    assert forms(BF16) == {(torch.bfloat16, True)}


@pytest.mark.parametrize("execution", [CPU, BF16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("model", [small(), Attention(), Recurrent()], ids=["small", "attention", "lstm"])
def test_each_is_done_again_in_its_own_form(model: nn.Module, execution: Execution):
    if isinstance(model, Recurrent) and not cpu_has_lstm_in(execution.dtype):
        pytest.skip("this processor has no such LSTM")
    products = roofline.products_of(model, IMAGES, execution)
    assert products.calls
    with roofline._Recorder() as again:
        assert roofline.seconds_of(products, execution) > 0
    # An argument at its default isn't passed on.
    assert {(c.operation, c.args) for c in again.calls} == {(c.operation, c.args) for c in products.calls}


def test_the_time_of_a_form_counts_as_often_as_it_came(monkeypatch: pytest.MonkeyPatch):
    ticks = count()
    monkeypatch.setattr(roofline, "now", lambda execution: float(next(ticks)))
    layer = nn.Conv2d(8, 8, 3, padding=1)
    products = roofline.products_of(nn.Sequential(nn.Conv2d(3, 8, 1), layer, layer, nn.Flatten()), IMAGES, CPU)
    assert roofline.seconds_of(products, CPU) == 6  # a second each


def test_no_more_time_is_spent_than_is_there(monkeypatch: pytest.MonkeyPatch):
    ticks = count()
    monkeypatch.setattr(roofline, "now", lambda execution: float(next(ticks)))
    products = roofline.products_of(small(), IMAGES, CPU)
    roofline.seconds_of(products, CPU)
    assert next(ticks) == 2 * (1 + roofline._LEAST) * len(products.calls)  # a beginning and an end of each
    monkeypatch.setattr(roofline, "_BUDGET_S", 1e6)
    before = next(ticks)
    roofline.seconds_of(products, CPU)
    assert next(ticks) - before - 1 == 2 * (1 + roofline._MOST) * len(products.calls)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last),
        torch.rand(5, 3).t(),
        torch.rand(1, 3, 1).expand(4, 3, 2),
        torch.rand(0, 3),
        torch.rand(()),
        torch.rand(2, 70_000, dtype=torch.bfloat16),
        torch.tensor([1, 2]),
    ],
    ids=["channels last", "transposed", "expanded", "empty", "scalar", "large", "whole numbers"],
)
def test_a_tensor_is_made_as_another_lies(tensor: Tensor):
    form = roofline._form(tensor)
    made = roofline._made(form)
    assert roofline._form(made) == form
    if tensor.is_floating_point() and tensor.numel() > 1:
        assert made.float().std() > 0.1
