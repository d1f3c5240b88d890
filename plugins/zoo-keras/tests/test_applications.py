"""Keras's applications: listed without Keras, made as the zoo needs them, with weights that answer as in Keras."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from zoo_keras.applications import create
from zoo_keras.list_models import LEFT_OUT, LIST, preprocessing
from zoo_keras.surgery import take_over

from zoo.errors import RequestError


def test_the_list_is_of_the_installed_keras(keras: Any):
    listed = [line for line in LIST.read_text().splitlines() if not line.startswith("#")]
    applications = keras.applications
    here = {name for name in dir(applications) if inspect.isfunction(getattr(applications, name))}
    assert set(listed) == here - set(LEFT_OUT)
    assert len(listed) == len(set(listed)) > 35


def test_parameters_are_the_applications_own():
    small = create("MobileNetV3Small", 4, image_size=32, alpha=0.75)
    assert sum(p.numel() for p in small.parameters()) < sum(
        p.numel() for p in create("MobileNetV3Small", 4, image_size=32).parameters()
    )
    with pytest.raises(ValueError, match="takes no weights here"):
        create("MobileNetV3Small", 4, weights="imagenet")
    with pytest.raises(ValueError, match="no application 'MobileNet9'"):
        create("MobileNet9", 4)


def test_offline_no_weights_are_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: Any):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(RequestError, match="offline"):
        create("MobileNetV2", 4, pretrained=True, image_size=96)
    assert capsys.readouterr().out == ""


# Weights of chance stand for Keras's, which need a network; what is tested is what becomes of them.
@pytest.mark.parametrize("name", ["ResNet50", "EfficientNetB0", "MobileNetV2", "VGG16"])
def test_weights_answer_to_the_zoos_images_as_to_kerass_own(name: str, keras: Any):
    make, size = getattr(keras.applications, name), 64
    keras.utils.set_random_seed(1)
    given = {"classes": 10, "input_shape": (size, size, 3), "classifier_activation": None, "weights": None}
    trained, model = make(**given), make(**given)
    take_over(model, trained, name)
    pixels = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.float32)
    fields = preprocessing(name)
    images = (pixels / 255 - np.array(fields["mean"])) / np.array(fields["std"])
    families = {
        "ResNet50": "resnet50",
        "EfficientNetB0": "efficientnet",
        "MobileNetV2": "mobilenet_v2",
        "VGG16": "vgg16",
    }
    prepared = getattr(keras.applications, families[name]).preprocess_input(pixels.copy())
    with torch.no_grad():
        wanted = trained(torch.from_numpy(np.ascontiguousarray(prepared)), training=False)
        found = model(torch.from_numpy(images.astype(np.float32)), training=False)
    assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))


def test_a_head_of_other_classes_stays_new_and_grey_images_are_taken(keras: Any):
    make, size = keras.applications.MobileNetV2, 64
    trained = make(include_top=False, input_shape=(size, size, 3), weights=None)
    model = make(classes=3, input_shape=(size, size, 1), weights=None, classifier_activation=None)
    head = model.layers[-1].get_weights()[0]
    take_over(model, trained, "MobileNetV2")
    assert np.array_equal(model.layers[-1].get_weights()[0], head)
    grey = torch.rand(2, size, size, 1)
    inner = keras.Model(model.input, model.get_layer("out_relu").output)
    with torch.no_grad():
        assert torch.allclose(inner(grey), trained(grey.expand(-1, -1, -1, 3)), atol=1e-4)
