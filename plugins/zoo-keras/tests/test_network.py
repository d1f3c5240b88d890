"""A Keras model as a network: what torch does to modules holds for it."""

from __future__ import annotations

import copy
import os
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from zoo_keras import as_architecture, keras_architecture
from zoo_keras.ending import network_of

from zoo.errors import ContractError, RequestError

IMAGES = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def leaves(num_classes: int, input_shape: tuple[int, int, int] = (16, 16, 3), width: int = 8) -> Any:
    """A branch, a norm, and every kind of chance: from a seed of its own, of Keras's, of torch's."""
    from zoo_keras.backend import load

    keras = load()
    layers = keras.layers
    x = inputs = keras.Input(input_shape)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.Conv2D(width, 3, use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.5)(x)
    y = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    x = layers.add([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3, seed=3)(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Softmax()(layers.Dense(num_classes)(x)))


def made(num_classes: int = 3, seed: int = 0, **params: Any) -> nn.Module:
    torch.manual_seed(seed)
    return keras_architecture(leaves)(num_classes, image_size=16, **params)


def trained(network: nn.Module, steps: int = 3) -> nn.Module:
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(IMAGES), torch.arange(8) % 3).backward()
        optimizer.step()
    return network


def same(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def test_names_are_the_same_however_many_models_were_made_before():
    first, second = (list(made().state_dict()) for _ in range(2))
    assert first == second
    assert "layers.conv2d.kernel" in first
    assert "layers.conv2d_1.bias" in first
    assert "layers.batch_normalization.moving_mean" in first
    assert "layers.dropout.seed_generator_state" in first


def test_statistics_and_seeds_are_buffers_and_only_what_learns_is_counted():
    network = made()
    kept = {name for name, _ in network.named_buffers()}
    assert {name.rsplit(".")[-1] for name in kept} == {"moving_mean", "moving_variance", "seed_generator_state"}
    assert sum(p.numel() for p in network.parameters()) == 3 * 3 * 3 * 8 + 16 + 3 * 3 * 8 * 8 + 8 + 8 * 3 + 3


def test_training_updates_statistics_and_seeds_and_evaluation_leaves_them():
    network = made()
    before = copy.deepcopy(network.state_dict())
    network.eval()(IMAGES)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.train()(IMAGES)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed >= {"layers.batch_normalization.moving_mean", "layers.random_flip.seed_generator_state"}


def test_a_seed_decides_the_weights_and_all_that_follows_and_no_other_state_is_touched():
    random.seed(5)
    np.random.seed(5)
    states = random.getstate(), np.random.get_state()[1].copy()
    first, second = (trained(made(seed=4)) for _ in range(2))
    assert same(first, second)
    assert not same(first, trained(made(seed=5)))
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert "KERAS_BACKEND" not in os.environ


def test_a_state_that_is_loaded_goes_on_as_if_nothing_had_happened():
    network = trained(made())
    state, chance = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    trained(network, 2)
    other = made(seed=9)
    other.load_state_dict(state)
    torch.set_rng_state(chance)
    # Adam begins anew in both: what is compared is the network's own state, its seeds and statistics among it
    assert same(trained(other, 2), network)


def test_a_copy_learns_by_itself():
    network = made()
    before, copied = copy.deepcopy(network.state_dict()), copy.deepcopy(network)
    trained(copied)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not same(network, copied)


def test_a_layer_that_is_frozen_by_itself_neither_drops_nor_counts():
    network = made().train()
    for module in network.modules():
        module.training = False
    assert torch.equal(network(IMAGES), network.eval()(IMAGES))
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == 1
    network.train()
    norms[0].training = False
    before = network.get_buffer("layers.batch_normalization.moving_mean").clone()
    network(IMAGES)
    assert torch.equal(network.get_buffer("layers.batch_normalization.moving_mean"), before)


def test_a_softmax_or_sigmoid_is_left_out_and_the_model_keeps_it(keras: Any):
    layers = keras.layers
    for units, classes, activation in (
        (3, 3, "softmax"),
        (1, 2, "sigmoid"),
        (4, 4, "sigmoid"),
        (1, 2, None),
        (2, 2, None),
    ):
        model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(units, activation=activation)])
        network = network_of(model, classes, 3, 8).eval()
        images = torch.randn(4, 3, 8, 8)
        with torch.no_grad():
            logits, answer = network(images), model(images.permute(0, 2, 3, 1))
        assert logits.shape == (4, classes)
        z = logits[:, 1:] if units == 1 else logits
        last = {"softmax": z.softmax(1), "sigmoid": z.sigmoid(), None: z}[activation]
        assert torch.allclose(last, answer, atol=1e-6)
        assert model.layers[-1].activation.__name__ == (activation or "linear")


def test_what_is_no_classifier_is_refused_with_a_word(keras: Any):
    layers, images = keras.layers, keras.Input((8, 8, 3))
    flat = layers.Flatten()(images)
    hidden = keras.Model(images, keras.ops.softmax(layers.Dense(3)(flat)))
    cases = [
        (keras.Model(images, layers.Dense(4)(flat)), "4 outputs for 3 classes"),
        (keras.Model(images, images), "pool or flatten"),
        (keras.Model(images, [layers.Dense(3)(flat), flat]), "one input, an image, and one output"),
        (hidden, "activation=None"),
        (7, "must return a keras.Model"),
    ]
    for model, word in cases:
        with pytest.raises(ContractError, match=word):
            network_of(model, 3, 3, 8)
    single = keras.Model(images, layers.Dense(1, activation="softmax")(flat))
    with pytest.raises(ContractError, match="always 1"):
        network_of(single, 2, 3, 8)
    with pytest.raises(RequestError, match="a function that returns one"):
        as_architecture(3)
    with pytest.raises(TypeError, match="num_classes"):
        keras_architecture(lambda units: None)


def test_a_model_of_a_class_of_its_own_and_one_that_is_trained(keras: Any):
    class Own(keras.Model):
        def __init__(self, num_classes: int):
            super().__init__()
            self.conv, self.drop = keras.layers.Conv2D(4, 3), keras.layers.Dropout(0.5)
            self.dense = keras.layers.Dense(num_classes)

        def call(self, images: Any, training: bool = False) -> Any:
            return self.dense(self.drop(keras.ops.mean(self.conv(images), (1, 2)), training=training))

    network = as_architecture(lambda num_classes: Own(num_classes))(3, image_size=16)
    assert len(list(network.parameters())) == 4
    assert network.eval()(IMAGES).shape == (8, 3)
    assert not torch.equal(network.train()(IMAGES), network(IMAGES))
    model = leaves(3)
    with torch.no_grad():
        wanted = model(IMAGES.permute(0, 2, 3, 1), training=False)
        found = as_architecture(model)(3, image_size=16).eval()(IMAGES).softmax(1)
    assert torch.allclose(found, wanted, atol=1e-6)


def test_a_base_that_was_called_with_training_false_stays_as_in_evaluation(keras: Any):
    base = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()])
    base.trainable = False
    images = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(base(images, training=False))
    network = network_of(keras.Model(images, keras.layers.Dense(3)(pooled)), 3, 3, 16).train()
    before = copy.deepcopy(network.state_dict())
    trained(network)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"layers.dense.kernel", "layers.dense.bias"}


def test_mixed_precision_other_layouts_and_compiled_code_answer_alike():
    network = made().eval()
    with torch.no_grad():
        wanted = network(IMAGES)
        last = network(IMAGES.contiguous(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            half = network(IMAGES).float()
    assert torch.allclose(last, wanted, atol=1e-6)
    assert torch.allclose(half, wanted, atol=0.05)


def test_keras_with_another_backend_is_refused_before_anything_is_made(tmp_path: Any):
    (tmp_path / "keras.py").write_text("class backend:\n    backend = staticmethod(lambda: 'jax')\n")
    code = "import keras\nfrom zoo_keras.backend import load\nload()"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert "KERAS_BACKEND=torch" in done.stderr
    assert "'jax'" in done.stderr


def shares(num_classes: int, input_shape: tuple[int, int, int] = (16, 16, 3)) -> Any:
    """One output for two classes, whatever they are."""
    from zoo_keras.backend import load

    layers = load().layers
    return load().Sequential(
        [load().Input(input_shape), layers.Flatten(), layers.Dense(1 if num_classes == 2 else num_classes)]
    )


def test_two_values_are_not_given_one_output():
    assert keras_architecture(shares)(2)(IMAGES).shape == (8, 2)
    with pytest.raises(ContractError, match="has 1 output for 2 values, which need an output each"):
        keras_architecture(shares)(2, separate_outputs=True)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_tutorials_network_has_an_output_for_each_value(count):
    from zoo_keras.tutorial import tutorial_cnn

    network = tutorial_cnn(count, image_size=32, hidden=4, separate_outputs=True).eval()
    with torch.no_grad():
        values = network(torch.randn(64, 3, 32, 32) * 5)
    assert values.shape == (64, count)
    assert not network.binary
    assert float(values.std(dim=0).min()) > 0
    assert bool(((values < 0) | (values > 1)).any()), "no activation is left"


def test_a_saved_model_of_one_output_becomes_one_of_two_values(keras):
    from zoo_keras.saved import saved

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")]
    )
    assert saved(2, config=model.to_json()).binary
    network = saved(2, config=model.to_json(), separate_outputs=True)
    assert not network.binary
    assert network(IMAGES).shape == (8, 2)
    assert saved(1, config=model.to_json(), separate_outputs=True)(IMAGES).shape == (8, 1)
