"""The simple networks: what the order of their layers may change, and what it may not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zoo_simple.cnn import simple_cnn
from zoo_simple.parts import ACTIVATIONS, RISING, Activation


def as_written(activation: Activation) -> nn.Module:
    """The tutorial's order: each pool after its activation."""
    stages = ((3, 4), (4, 6))
    layers = [[nn.Conv2d(i, o, 3), ACTIVATIONS[activation](), nn.MaxPool2d(2)] for i, o in stages]
    return nn.Sequential(*(layer for stage in layers for layer in stage), nn.Flatten(), nn.Linear(6 * 4, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_pool_before_its_activation_changes_no_bit_of_answers_and_gradients(activation, dtype):
    torch.manual_seed(0)
    ours = simple_cnn(3, image_size=14, channels=(4, 6), hidden=0, dropout=0.0, activation=activation).to(dtype)
    theirs = as_written(activation).to(dtype)
    weights = zip(theirs.parameters(), ours.parameters(), strict=True)
    with torch.no_grad():
        for their, our in weights:
            their.copy_(our)
    images = torch.randn(8, 3, 14, 14, dtype=dtype)
    found, wanted = ours(images), theirs(images)
    assert torch.equal(found, wanted)
    found.square().sum().backward()
    wanted.square().sum().backward()
    for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(our.grad, their.grad)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_pooled_first_never_falls(activation):
    risen = ACTIVATIONS[activation]()(torch.linspace(-4, 4, 1001)).diff()
    assert (risen.min() >= 0) == (activation in RISING)


def test_the_keys_of_the_weights_are_where_they_were():
    assert [key for key in simple_cnn(2).state_dict() if key.startswith("features")] == [
        f"features.{index}.{name}" for index in (0, 3, 6) for name in ("weight", "bias")
    ]
