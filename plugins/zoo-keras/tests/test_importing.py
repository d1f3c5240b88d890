"""Files of Keras: the same answers, or a word on what to do; nothing of them is run."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from zoo_keras.importing import read
from zoo_keras.saved import saved

from zoo.errors import RequestError
from zoo_simple.cnn import simple_cnn


def stack(keras: Any, last: Any, *first: Any, activation: str = "relu", padding: str = "valid") -> Any:
    layers, rows = keras.layers, []
    for width in (8, 16):
        rows += [layers.Conv2D(width, 3, activation=activation, padding=padding), layers.MaxPooling2D()]
    dense = [layers.Flatten(), layers.Dense(24, activation=activation), layers.Dropout(0.5), last]
    return keras.Sequential([keras.Input((40, 40, 3)), *first, *rows, *dense])


def nested(keras: Any) -> Any:
    layers, images = keras.layers, keras.Input((32, 32, 3))
    base = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()], name="base")
    adapted = layers.Normalization()
    adapted.adapt(np.random.default_rng(0).random((20, 32, 32, 3)) * 255)
    pooled = layers.GlobalAveragePooling2D()(base(adapted(images), training=False))
    return keras.Model(images, layers.Dense(1, activation="sigmoid")(pooled))


def answers_agree(file: Path) -> Any:
    """What was read, once a network with its tensors answers as Keras does."""
    found = read(file)
    factory = simple_cnn if found.architecture == "simple/simple_cnn" else saved
    size = found.preprocessing["image_size"]
    network = factory(found.num_classes, in_chans=found.in_chans, image_size=size, **found.params).eval()
    network.load_state_dict(dict(found.tensors))
    images = torch.randn(4, found.in_chans, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = network(images)
    probs = logits.sigmoid() if found.multilabel else logits.softmax(1)
    assert np.abs(probs.numpy() - found.answer(images.numpy())).max() < 1e-5
    return found


@pytest.mark.filterwarnings("ignore")
def test_stacks_as_the_tutorials_become_simple_cnn(keras: Any, tmp_path: Path):
    dense, rescaling = keras.layers.Dense, keras.layers.Rescaling
    cases = [
        (stack(keras, dense(1, activation="sigmoid")), 0.0, 1.0, 1),
        (stack(keras, dense(2, activation="softmax"), rescaling(1 / 255)), 0.0, 1.0, 0),
        (stack(keras, dense(5), rescaling(1 / 127.5, -1), activation="tanh", padding="same"), 0.5, 0.5, 0),
    ]
    for model, mean, std, notices in cases:
        for name in ("model.keras", "model.h5"):
            model.save(tmp_path / name)
            found = answers_agree(tmp_path / name)
            assert found.architecture == "simple/simple_cnn"
            assert found.preprocessing["mean"] == pytest.approx((mean,))
            assert found.preprocessing["std"] == pytest.approx((std,))
            assert len(found.notices) == notices


def test_any_other_model_of_kerass_own_layers_becomes_one_by_its_description(keras: Any, tmp_path: Path):
    several = stack(keras, keras.layers.Dense(4, activation="sigmoid"))
    for model, multilabel, std in ((nested(keras), False, 1 / 255), (several, True, 1.0)):
        model.save(tmp_path / "model.keras")
        found = answers_agree(tmp_path / "model.keras")
        assert (found.architecture, found.multilabel) == ("keras/saved", multilabel)
        assert found.preprocessing["std"] == (std,)
        assert found.classes is None


def test_a_description_serves_for_other_images_and_classes(keras: Any):
    config = nested(keras).to_json()
    for classes, in_chans, size in ((2, 3, 32), (5, 3, 48), (2, 3, 64)):
        network = saved(classes, in_chans=in_chans, image_size=size, config=config).eval()
        assert network(torch.randn(2, in_chans, size, size)).shape == (2, classes)


def test_nothing_of_a_file_is_run(keras: Any, tmp_path: Path):
    layers, first = keras.layers, keras.Input((8, 8, 3))
    sprung = tmp_path / "sprung"

    def own(x: Any) -> Any:
        sprung.mkdir()
        return x

    rest = [layers.Flatten(), layers.Dense(2)]
    keras.Sequential([first, layers.Lambda(lambda x: x * 2), *rest]).save(tmp_path / "lambda.keras")
    plain = keras.Sequential([first, layers.Flatten(), layers.Dense(2)])
    plain.save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1] = {
        "module": "os",
        "class_name": "mkdir",
        "config": str(sprung),
        "registered_name": None,
    }
    with zipfile.ZipFile(tmp_path / "os.keras", "w") as archive:
        for name, content in {**parts, "config.json": json.dumps(config)}.items():
            archive.writestr(name, content)
    for name, word in (
        ("lambda.keras", "code in files is not executed"),
        ("os.keras", "'mkdir', which is not part of Keras"),
    ):
        with pytest.raises(RequestError, match=word):
            read(tmp_path / name)
    assert not sprung.exists()


def test_what_cannot_be_had_is_said(keras: Any, tmp_path: Path):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "model.weights.h5")
    flat = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    flat.save(tmp_path / "flat.keras")
    model.save(tmp_path / "model.keras")
    whole = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "half.h5").write_bytes(b"\x89HDF\r\n\x1a\n and nothing")
    for name, word in (
        ("model.weights.h5", r"model.save\('my.keras'\)"),
        ("flat.keras", "not an image classifier"),
        ("half.h5", "can't be read"),
    ):
        with pytest.raises(RequestError, match=word):
            read(tmp_path / name)
    assert read(tmp_path / "half.keras") is None
    with pytest.raises(RequestError, match="keras/saved"):
        read(tmp_path / "model.keras", architecture="timm/resnet18")
    with pytest.raises(RequestError, match="not a stack"):
        read(tmp_path / "model.keras", architecture="simple/simple_cnn")
    with pytest.raises(RequestError, match="8 px, not 16"):
        read(tmp_path / "model.keras", image_size=16)
