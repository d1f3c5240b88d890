"""What the zoo's own networks owe beyond what ``zoo.testing`` asks of anyone's: they learn, in every part."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo.host.loader import open_registry
from zoo.model.build import build_model
from zoo.registry.entry import Entry
from zoo.registry.signature import parameters

REGISTRY = open_registry()
OWN = [entry for entry in REGISTRY.entries("architecture") if entry.origin.bundled and entry.member is None]

every_own = pytest.mark.parametrize("entry", OWN, ids=lambda entry: entry.id)


def network(entry: Entry, num_classes: int = 3, size: int = 32, in_chans: int = 3, **params: Any) -> nn.Module:
    torch.manual_seed(0)
    return build_model(entry, params, num_classes, in_chans, size)


def images(count: int = 4, size: int = 32, in_chans: int = 3) -> Tensor:
    return torch.randn(count, in_chans, size, size, generator=torch.Generator().manual_seed(1))


@every_own
def test_every_parameter_learns(entry: Entry):
    model = network(entry).train()
    cross_entropy(model(images(16)), torch.arange(16) % 3).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.slow
@every_own
def test_it_can_learn_a_batch_by_heart(entry: Entry):
    plain = {"dropout": 0.0} if "dropout" in {each.name for each in parameters("architecture", entry.factory())} else {}
    model = network(entry, **plain).train()
    given, targets = images(12), torch.arange(12) % 3
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        loss = cross_entropy(model(given), targets)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.2
