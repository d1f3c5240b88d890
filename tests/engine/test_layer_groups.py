"""Networks as rows of blocks: which layer is the head, and what freezing does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zoo.engine.layer_groups import Block, blocks_of, find_head, freeze, is_last_step

IMAGES = torch.zeros(2, 3, 16, 16)


class Net(nn.Module):
    """A stem, three numbered blocks, a norm of its own, and a head that is not the last to be named."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)
        self.token = nn.Parameter(torch.zeros(1, 8, 1, 1))
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.blocks = nn.Sequential(*(nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)) for _ in range(3)))
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        features = self.norm(self.blocks(self.bn(self.stem(images) + self.token)))
        return self.head(self.drop(features.mean((2, 3))))


class Scaled(Net):
    """Its logits are not what its last layer gives."""

    def forward(self, images: Tensor) -> Tensor:
        return 2 * super().forward(images)


def test_the_head_is_the_last_layer_with_weights_to_begin():
    model = Net()
    assert find_head(model, IMAGES) == "head"
    assert model.training, "looking leaves no trace"
    assert find_head(nn.Sequential(nn.Flatten(), nn.Linear(768, 2), nn.ReLU()), IMAGES) == "1"


def test_a_network_may_say_itself_what_its_head_is():
    class Says(Net):
        def get_classifier(self) -> nn.Module:
            return self.stem

    assert find_head(Says(), IMAGES) == "stem"


@pytest.mark.parametrize("given", [(nn.Linear(1, 1), nn.Linear(1, 1)), nn.Identity(), nn.Linear(2, 2)])
def test_a_network_without_one_head_is_told(given: object):
    class Says(Net):
        def get_classifier(self) -> object:
            return given

    with pytest.raises(ValueError, match=r"several heads|no last layer"):
        find_head(Says(), IMAGES)


def test_only_a_head_whose_output_is_the_networks_can_be_trained_alone():
    assert is_last_step(Net(), "head", IMAGES)
    assert not is_last_step(Scaled(), "head", torch.rand(2, 3, 16, 16))


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "test_convnext"])
def test_timms_networks_have_a_head_that_is_their_last_step(name: str):
    import timm

    model = timm.create_model(name, num_classes=3)
    images = torch.rand(2, 3, 160, 160)
    assert is_last_step(model, find_head(model, images), images)


def test_blocks_are_the_network_in_order_with_loose_weights_where_they_belong():
    model = Net()
    blocks = blocks_of(model, "head")
    assert [b.name for b in blocks] == ["stem", "blocks.0.0", "blocks.1.0", "blocks.2.0", "head"]
    everything = [p for b in blocks for p in b.parameters]
    assert len(everything) == len({id(p) for p in everything}) == len(list(model.parameters()))
    assert any(p is model.token for p in blocks[0].parameters)
    assert any(p is model.norm.weight for p in blocks[3].parameters)


def test_what_the_network_itself_has_frozen_is_in_no_block():
    model = Net()
    model.stem.requires_grad_(False)
    blocks = blocks_of(model, "head")
    freeze(model, blocks, 0)
    assert not model.stem.weight.requires_grad


def test_freezing_some_blocks_leaves_the_others_learning():
    model = Net()
    blocks = blocks_of(model, "head")
    frozen = freeze(model, blocks, 2)
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith(("stem", "bn", "blocks.0")) or name == "token" for name in learning)
    assert {"blocks.1.0.weight", "blocks.2.1.bias", "head.weight", "norm.weight"} <= learning
    assert model.bn in frozen, "its statistics would go on moving"
    assert model.blocks[1][1] not in frozen
    assert model.drop not in frozen
    freeze(model, blocks, 0)
    assert all(p.requires_grad for p in model.parameters())


def test_freezing_the_backbone_makes_it_as_in_evaluation_whole():
    model = Net()
    frozen = freeze(model, blocks_of(model, "head"), 4)
    assert {name for name, p in model.named_parameters() if p.requires_grad} == {"head.weight", "head.bias"}
    assert model.drop in frozen, "features must be the same in every epoch"
    assert model.head not in frozen


def test_a_block_of_nothing_does_no_harm():
    assert freeze(nn.Identity(), [Block("head", ())], 0) == []


def test_a_network_of_very_many_layers_has_no_more_than_forty_blocks():
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(200)))
    blocks = blocks_of(model, "199")
    assert len(blocks) <= 40
    assert [id(p) for b in blocks for p in b.parameters] == [id(p) for p in model.parameters()]
