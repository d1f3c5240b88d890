"""Features of a frozen backbone: what the head is given, image by image."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from zoo.engine.execution import Execution
from zoo.engine.features import FeatureBatches, compute_features

CPU = Execution(torch.device("cpu"))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 2)
    )


def test_the_head_on_features_answers_as_the_whole_network():
    model, images = network(), torch.rand(7, 3, 9, 9)
    labels = torch.zeros(7, dtype=torch.int64)
    seen: list[int] = []
    features = compute_features(model, "5", [(images[:4], labels[:4]), (images[4:], labels[4:])], CPU, seen.append)
    assert features.shape == (7, 4)
    assert seen == [4, 7]
    assert isinstance(model[5], nn.Linear), "the network is whole again"
    torch.testing.assert_close(model[5](features), model.eval()(images))
    assert features.requires_grad is False


def test_the_network_is_whole_again_when_images_fail():
    model = network()

    def broken():
        yield torch.rand(1, 3, 9, 9), torch.zeros(1)
        raise OSError("gone")

    try:
        compute_features(model, "5", broken(), CPU)
    except OSError:
        assert isinstance(model[5], nn.Linear)
    else:
        raise AssertionError


def test_batches_of_features_follow_the_epochs_order():
    features = torch.arange(10.0).reshape(5, 2)
    batches = FeatureBatches(features, torch.arange(5), lambda epoch: [np.array([epoch, 0]), np.array([4])])
    batches.epoch = 3
    (first, labels), (last, _) = batches
    assert len(batches) == 2
    assert labels.tolist() == [3, 0]
    assert torch.equal(first, features[[3, 0]])
    assert torch.equal(last, features[[4]])
