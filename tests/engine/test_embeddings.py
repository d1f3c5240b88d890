"""Embeddings: the inputs of a network's head."""

from __future__ import annotations

import copy
import threading

import pytest
import torch
from torch import Tensor, nn

from zoo.engine.embeddings import HeadInputs

IMAGES = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 5, 3), nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.stem(images).mean((2, 3)))


def of(model: nn.Module) -> Tensor:
    head = HeadInputs(model, IMAGES[:1])
    with torch.no_grad(), head.recorded() as seen:
        model(IMAGES)
    (vectors,) = seen
    return vectors


def test_an_embedding_is_what_the_head_is_given():
    model = Pooled()
    vectors = of(model)
    assert torch.allclose(model.head(vectors), model(IMAGES))


def test_a_convolution_as_head_gives_the_mean_over_positions():
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Conv2d(5, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert torch.allclose(of(model), model[0](IMAGES).mean((2, 3)), atol=1e-6)


def test_a_head_for_each_token_gives_the_mean_over_tokens():
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = nn.Conv2d(3, 5, 3), nn.Linear(5, 2)

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.stem(images).flatten(2).transpose(1, 2)).mean(1)

    model = Tokens()
    assert torch.allclose(of(model), model.stem(IMAGES).mean((2, 3)), atol=1e-6)


def test_a_copy_of_the_network_is_recorded_too():
    model = Pooled()
    head = HeadInputs(model, IMAGES[:1])
    with torch.no_grad(), head.recorded() as seen:
        copy.deepcopy(model)(IMAGES)
    assert [tuple(vectors.shape) for vectors in seen] == [(3, 5)]


def test_other_threads_are_not_recorded():
    model = Pooled()
    head = HeadInputs(model, IMAGES[:1])
    with head.recorded() as seen:
        thread = threading.Thread(target=model, args=(IMAGES,))
        thread.start()
        thread.join()
    assert seen == []


def test_a_network_without_weights_has_no_head():
    with pytest.raises(ValueError, match="no last layer"):
        HeadInputs(nn.Flatten(), IMAGES)
