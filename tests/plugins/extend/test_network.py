"""The network of an extended run: order of the classes, threads, copies, and networks that are not installed."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn

from zoo.api.compute import find_head
from zoo.errors import RequestError
from zoo_extend.network import Embedder, ExtendedNetwork, extended

CNN: dict[str, Any] = {"channels": [8], "global_pool": "avg", "batch_norm": True, "dropout": 0.0}
PARTS: list[dict[str, Any]] = [
    {
        "name": "simple/simple_cnn",
        "params": CNN,
        "classes": ["cat", "dog"],
        "path": "classifier.output",
        "features": 8,
        "distribution": "visionzoo",
    },
    {"name": "linear", "classes": ["bee"], "refitted": False},
]


def network(classes: tuple[str, ...] = ("cat", "dog", "bee"), parts: list[dict[str, Any]] = PARTS) -> ExtendedNetwork:
    torch.manual_seed(0)
    found = extended(len(classes), image_size=12, classes=classes, parts=parts)
    assert isinstance(found, ExtendedNetwork)
    return found.eval()


def images(count: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, 12, 12, generator=torch.Generator().manual_seed(seed))


def test_the_old_logits_come_first_and_are_those_of_the_old_network():
    found = network()
    with torch.no_grad():
        logits, old = found(images()), found.base(images())
    assert logits.shape == (5, 3)
    assert torch.equal(logits[:, :2], old)
    assert not old[:, 0].any(), "two classes have one logit, shown as (0, z)"


def test_classes_in_another_order_move_the_logits():
    """A dataset sorts its classes."""
    found, moved = network(), network(("bee", "cat", "dog"))
    moved.load_state_dict(found.state_dict())
    with torch.no_grad():
        assert torch.equal(moved(images())[:, [1, 2, 0]], found(images()))


def test_heads_stand_one_after_the_other():
    parts = [*PARTS, {"name": "prototypes", "classes": ["owl", "elk"], "refitted": False}]
    longer, shorter = network(("cat", "dog", "bee", "owl", "elk"), parts), network()
    shorter.load_state_dict({k: v for k, v in longer.state_dict().items() if not k.startswith("heads.1")})
    with torch.no_grad():
        assert torch.equal(longer(images())[:, :3], shorter(images()))


def test_its_embeddings_are_those_of_the_old_network():
    found = network()
    path = find_head(found, images(2))
    assert path == "base.classifier.output"
    with torch.no_grad():
        both = Embedder(found, path)(images())
    assert both.shape == (5, 8 + 3)
    assert torch.equal(both[:, 8:], found(images()))


def test_copies_and_pickles_answer_alike():
    found = network()
    with torch.no_grad():
        wanted = found(images())
        for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
            assert torch.equal(other(images()), wanted)


def test_threads_do_not_mix_their_images():
    found = network()
    with torch.no_grad():
        wanted = [found(images(seed=i)) for i in range(40)]

    def one(i: int) -> torch.Tensor:
        with torch.no_grad():
            return found(images(seed=i))

    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(*pair) for pair in zip(pool.map(one, range(40)), wanted, strict=True))


def test_a_layer_that_is_applied_to_each_position_gives_the_mean():
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(3, 4, 1)

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return self.head(given).mean(dim=(2, 3))  # type: ignore[no-any-return]

    with torch.no_grad():
        both = Embedder(Dense(), "head")(images())
    assert torch.allclose(both[:, :3], images().mean(dim=(2, 3)))


def test_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match="its parts have 3 classes, cat, dog, bee, not 4"):
        extended(4, image_size=12, parts=PARTS)


def test_a_network_that_is_not_installed_is_named_with_its_package():
    lost = [{**PARTS[0], "name": "acme/net", "distribution": "zoo-acme", "version": "1.2"}, PARTS[1]]
    with pytest.raises(RequestError, match=r"'acme/net' is not available.*zoo plugins install zoo-acme==1.2"):
        extended(3, image_size=12, parts=lost)
