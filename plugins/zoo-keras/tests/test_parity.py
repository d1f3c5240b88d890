"""The tutorial's Keras network and the zoo's simple_cnn: one count, one set of weights, one answer, on real photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from zoo_keras.importing import read
from zoo_keras.network import KerasNetwork
from zoo_keras.tutorial import tutorial_cnn

from zoo_simple.cnn import simple_cnn

COUNT = 19_034_177


@pytest.fixture(scope="module")
def images(photos: list[Path]) -> Tensor:
    """(200, 3, 150, 150) float in 0..1."""
    rows = [np.asarray(Image.open(path).convert("RGB").resize((150, 150))) for path in photos]
    return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).float() / 255


def copied(network: KerasNetwork) -> torch.nn.Module:
    """simple_cnn with the weights of the tutorial's Keras network."""
    theirs, own = network.state_dict(), simple_cnn(2)
    dense = theirs["layers.dense.kernel"].reshape(17, 17, 128, 512)  # rows h, w, channel
    state = {
        "classifier.hidden.0.weight": dense.permute(3, 2, 0, 1).reshape(512, -1),  # columns channel, h, w
        "classifier.hidden.0.bias": theirs["layers.dense.bias"],
        "classifier.output.weight": theirs["layers.dense_1.kernel"].T,
        "classifier.output.bias": theirs["layers.dense_1.bias"],
    }
    for place, name in ((0, "conv2d"), (3, "conv2d_1"), (6, "conv2d_2")):
        state[f"features.{place}.weight"] = theirs[f"layers.{name}.kernel"].permute(3, 2, 0, 1)
        state[f"features.{place}.bias"] = theirs[f"layers.{name}.bias"]
    own.load_state_dict(state)
    return own.eval()


def spread(network: KerasNetwork, images: Tensor) -> None:
    """Make of weights of chance a network with clear answers of both kinds."""
    with torch.no_grad():
        z = network(images)[:, 1]
        factor = 3 / z.std()
        network.get_parameter("layers.dense_1.kernel").mul_(factor)
        network.get_parameter("layers.dense_1.bias").copy_(-z.median() * factor)


def keras_model(network: KerasNetwork, keras: Any) -> Any:
    """A Keras model of its own with the network's weights, ending in its sigmoid."""
    model = keras.models.clone_model(network.layers.model)
    with torch.no_grad():
        for variable, value in zip(model.trainable_variables, network.parameters(), strict=True):
            variable.assign(value)
    return model


def test_the_parameters_are_as_many_as_those_of_simple_cnn():
    for network in (tutorial_cnn(2), simple_cnn(2)):
        assert sum(p.numel() for p in network.parameters()) == COUNT


def test_with_the_same_weights_the_same_answers_on_real_photos(images: Tensor, keras: Any, tmp_path: Path):
    torch.manual_seed(0)
    network = tutorial_cnn(2).eval()
    spread(network, images)
    model = keras_model(network, keras)
    with torch.no_grad():
        wanted = model(images.permute(0, 2, 3, 1), training=False)[:, 0]
        found = {"the zoo's network of it": network(images), "simple_cnn": copied(network)(images)}
    assert 20 < (wanted > 0.5).sum() < 180, "a test of answers needs both"
    assert float(wanted.std()) > 0.1
    for what, logits in found.items():
        probs = logits.softmax(1)[:, 1]
        assert float((probs - wanted).abs().max()) < 1e-5, what
        clear = (wanted - 0.5).abs() > 1e-5  # a picture between both classes may fall on either side
        assert torch.equal(probs[clear] > 0.5, wanted[clear] > 0.5), what

    model.save(tmp_path / "tutorial.keras")
    taken = read(tmp_path / "tutorial.keras")
    imported = simple_cnn(2, image_size=150, **taken.params).eval()
    imported.load_state_dict(dict(taken.tensors))
    with torch.no_grad():
        probs = imported(images).softmax(1)[:, 1]
    assert taken.architecture == "simple/simple_cnn"
    assert float((probs - wanted).abs().max()) < 1e-5
    assert torch.equal(probs[clear] > 0.5, wanted[clear] > 0.5)


def test_a_step_of_training_changes_the_weights_as_it_does_in_simple_cnn(images: Tensor):
    torch.manual_seed(0)
    keras_network = tutorial_cnn(2, dropout=0.0)
    ours = copied(keras_network)
    ours.classifier.hidden[-1].p = 0.0
    targets = torch.arange(16) % 2
    for network in (keras_network, ours):
        network.train()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        torch.nn.functional.cross_entropy(network(images[:16]), targets).backward()
        optimizer.step()
    with torch.no_grad():
        wanted, found = (network.eval()(images[:16]).softmax(1) for network in (ours, keras_network))
    assert float((wanted - found).abs().max()) < 1e-5
