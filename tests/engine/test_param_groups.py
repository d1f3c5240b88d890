"""Parameters in groups for an optimizer, and the penalty on their size."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zoo.engine.layer_groups import Block
from zoo.engine.param_groups import parameter_groups, weight_penalty


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def whole(model: nn.Module) -> list[Block]:
    return [Block("network", tuple(model.parameters()))]


def test_weights_decay_and_norms_and_biases_do_not():
    model = network()
    decayed, plain = parameter_groups(whole(model), 0.1, 0.05)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.05, 0.0)
    assert {p.ndim for p in decayed["params"]} == {2}
    assert {p.ndim for p in plain["params"]} == {1}
    everything = {id(p) for p in model.parameters()}
    assert [id(p) in everything for p in (*decayed["params"], *plain["params"])] == [True] * 6


def test_groups_without_parameters_are_left_out():
    assert [len(group["params"]) for group in parameter_groups(whole(nn.BatchNorm1d(3)), 0.1, 0.05)] == [2]
    assert parameter_groups([Block("nothing", ())], 0.1, 0.05) == []


def test_the_head_has_its_own_rate_and_each_block_before_it_a_lower_one():
    first, second, head = (nn.Linear(2, 2) for _ in range(3))
    blocks = [Block(str(i), tuple(layer.parameters())) for i, layer in enumerate((first, second, head))]
    groups = parameter_groups(blocks, 0.1, 0.05, head_lr=1.0, layer_decay=0.5, exempt={id(second.weight)})
    rates = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert rates == {
        id(head.weight): (1.0, 0.05),
        id(head.bias): (1.0, 0.0),
        id(second.weight): (0.05, 0.0),
        id(second.bias): (0.05, 0.0),
        id(first.weight): (0.025, 0.05),
        id(first.bias): (0.025, 0.0),
    }
    assert groups[0]["lr"] == 1.0


def test_an_l1_penalty_is_the_sum_of_absolute_weights():
    layer = nn.Linear(2, 2)
    penalty = weight_penalty(layer.parameters(), 0.5, 0.0)()
    assert penalty.item() == pytest.approx(0.5 * layer.weight.abs().sum().item())
    layer.requires_grad_(False)
    assert weight_penalty(layer.parameters(), 0.5, 0.0)().item() == 0
