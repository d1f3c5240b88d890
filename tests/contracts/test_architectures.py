"""What every architecture owes: logits of the right shape, gradients, weights that come back, steady answers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo.entry import Entry
from zoo.registry import open_registry
from zoo.runner.build import build_model

REGISTRY = open_registry()
ALL = [entry for entry in REGISTRY.entries("architecture") if entry.origin.bundled]
OWN = [entry for entry in ALL if entry.member is None]

# A family is tried by a sample that is small and as various as it can be.
SAMPLE = [
    "test_byobnet", "test_convnext", "test_efficientnet", "test_mambaout", "test_maxvit", "test_nfnet", "test_resnet",
    "test_vit", "lcnet_035", "levit_128s", "mobilenetv3_small_050", "pit_ti_224",
]  # fmt: skip
LARGER = [
    "coat_tiny", "coatnet_pico_rw_224", "convit_tiny", "convnext_atto", "cspresnet50", "darknet17",
    "deit_tiny_patch16_224", "densenet121", "dla34", "edgenext_xx_small", "efficientnet_b0", "efficientvit_b0",
    "eva02_tiny_patch14_224", "fasternet_t0", "fastvit_t8", "gcvit_xxtiny", "gernet_s", "ghostnet_050", "hgnet_tiny",
    "hrnet_w18_small", "inception_next_atto", "mnasnet_small", "mobilevit_xxs", "poolformerv2_s12", "pvt_v2_b0",
    "regnetx_002", "repvit_m0_9", "resnest14d", "resnet18", "rexnet_100", "starnet_s1", "tinynet_e",
    "vit_tiny_patch16_224", "xcit_nano_12_p16_224",
]  # fmt: skip
TIMM = [
    *(pytest.param(REGISTRY.find("architecture", f"timm/{name}"), id=f"timm/{name}") for name in SAMPLE),
    *(
        pytest.param(REGISTRY.find("architecture", f"timm/{name}"), id=f"timm/{name}", marks=pytest.mark.slow)
        for name in LARGER
    ),
]
every_architecture = pytest.mark.parametrize("entry", [*(pytest.param(e, id=e.id) for e in OWN), *TIMM])
SIZES = (32, 64)


def network(entry: Entry, num_classes: int = 3, size: int = 32, in_chans: int = 3, **params: Any) -> nn.Module:
    torch.manual_seed(0)
    return build_model(entry, params, num_classes, in_chans, size)


def images(count: int = 4, size: int = 32, in_chans: int = 3) -> Tensor:
    return torch.randn(count, in_chans, size, size, generator=torch.Generator().manual_seed(1))


def test_the_samples_stand_for_all_that_there_are():
    assert {entry.id for entry in OWN} >= {"simple/simple_cnn", "simple/simple_rnn"}
    assert len(ALL) > 1300
    assert len(set(SAMPLE + LARGER)) == 46


@every_architecture
@pytest.mark.parametrize(("num_classes", "size", "in_chans"), [(2, SIZES[0], 3), (5, SIZES[1], 1)])
def test_it_gives_finite_logits_and_gradients(entry: Entry, num_classes: int, size: int, in_chans: int):
    model = network(entry, num_classes, size, in_chans).train()
    logits = model(images(4, size, in_chans))
    assert logits.shape == (4, num_classes)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()
    cross_entropy(logits, torch.arange(4) % num_classes).backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    # Not all: branches that begin at zero, as normaliser-free ones do, pass nothing back at first.
    assert sum(bool(gradient.any()) for gradient in gradients) > len(gradients) / 4


@every_architecture
def test_its_weights_come_back(entry: Entry):
    model, other = network(entry), network(entry)
    for parameter in other.parameters():
        parameter.data.add_(1)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    given = images()
    assert torch.equal(model.eval()(given), other.eval()(given))


@every_architecture
def test_its_answers_are_steady_and_each_images_own(entry: Entry):
    model, given = network(entry).eval(), images()
    with torch.inference_mode():
        together = model(given)
        assert torch.equal(together, model(given))
        alone = torch.cat([model(image[None]) for image in given])
        backwards = model(given.flip(0)).flip(0)
    for other in (alone, backwards):
        assert torch.allclose(together, other, rtol=1e-3, atol=1e-4), "another image has a say in it"


@every_architecture
def test_the_same_seed_gives_the_same_network(entry: Entry):
    first, second = network(entry), network(entry)
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("entry", OWN, ids=lambda entry: entry.id)
def test_every_parameter_of_the_zoos_own_networks_learns(entry: Entry):
    model = network(entry).train()
    cross_entropy(model(images(16)), torch.arange(16) % 3).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("entry", OWN, ids=lambda entry: entry.id)
def test_the_zoos_own_networks_can_learn_a_batch_by_heart(entry: Entry):
    model = network(entry, dropout=0.0).train()
    given, targets = images(12), torch.arange(12) % 3
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        loss = cross_entropy(model(given), targets)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.2
