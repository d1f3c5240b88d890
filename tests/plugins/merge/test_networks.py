"""The architecture of ensembles: built by description, and refused with the key that is wrong."""

from __future__ import annotations

import pytest
import torch

from zoo.errors import RequestError
from zoo_merge.networks import Ensemble, ensemble

SMALL = {"architecture": "simple_cnn", "params": {"channels": [4], "dropout": 0.0}}
IMAGES = torch.randn(5, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def build(*members: object, **more: object) -> Ensemble:
    torch.manual_seed(0)
    found = ensemble(3, 3, 12, members=members, **more)
    assert isinstance(found, Ensemble)
    return found.eval()


def test_members_are_averaged():
    model = build(SMALL, {**SMALL, "params": {"channels": [6]}})
    with torch.no_grad():
        parts = [member.network(IMAGES).softmax(dim=1) for member in model.members]
        assert torch.allclose(model(IMAGES).softmax(dim=1), (parts[0] + parts[1]) / 2, atol=1e-6)


def test_a_name_stands_for_an_architecture_with_its_defaults():
    assert len(ensemble(3, 3, 32, members=("simple_cnn",)).members) == 1


def test_a_member_has_its_own_normalisation_order_and_temperature():
    described = {**SMALL, "scale": [2.0], "shift": [0.1, 0.2, 0.3], "order": [2, 0, 1], "temperature": 2.0}
    model = build(described)
    network = model.members[0].network
    with torch.no_grad():
        own = network(IMAGES * 2 + torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1))
        wanted = (own[:, [2, 0, 1]] / 2).softmax(dim=1)
        assert torch.allclose(model(IMAGES).softmax(dim=1), wanted, atol=1e-6)
    assert not any(name.endswith(("scale", "shift", "order")) for name in model.state_dict())


def test_values_are_converted_to_the_scale_of_the_ensemble():
    described = {**SMALL, "order": [2, 0, 1], "output_scale": [2.0], "output_shift": [1.0, 2.0, 3.0]}
    model = build(described, SMALL, separate_outputs=True)
    assert model.average == "outputs"
    one, two = (member.network for member in model.members)
    with torch.no_grad():
        wanted = (2 * one(IMAGES)[:, [2, 0, 1]] + torch.tensor([1.0, 2.0, 3.0]) + two(IMAGES)) / 2
        assert torch.allclose(model(IMAGES), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ({"params": {}}, ("members[0]: architecture", "name of an architecture")),
        ({**SMALL, "weight": 2}, ("members[0]: weight", "temperature")),
        ({**SMALL, "temperature": 0}, ("members[0]: temperature",)),
        ({**SMALL, "scale": [1.0, 1.0]}, ("members[0].scale", "2 values", "3 channels")),
        ({**SMALL, "output_scale": [1.0, 1.0]}, ("members[0].output_scale", "2 values", "3 outputs")),
        ({**SMALL, "order": [0, 0, 1]}, ("members[0].order", "0 to 2 once")),
        ("simple_cn", ("simple_cn", "Did you mean")),
    ],
)
def test_a_malformed_member_is_refused(member, words):
    with pytest.raises(RequestError) as caught:
        build(member)
    for word in words:
        assert word in str(caught.value)


def test_an_ensemble_of_nothing_is_refused():
    with pytest.raises(RequestError, match="members is empty"):
        build()
