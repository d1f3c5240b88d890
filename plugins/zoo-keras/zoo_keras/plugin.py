"""The contributions of zoo_keras. This module does not import Keras."""

from __future__ import annotations

import json
from collections.abc import Iterator

from zoo.plugin import Architecture, Family, HealthCheck, Importer, hookimpl

_EXAMPLE = (
    ("InputLayer", {"batch_shape": [None, 64, 64, 3]}),
    ("Conv2D", {"filters": 8, "kernel_size": 3, "strides": 2, "activation": "relu"}),
    ("BatchNormalization", {}),
    ("GlobalAveragePooling2D", {}),
    ("Dense", {"units": 1, "activation": "sigmoid"}),
)


def _described(*layers: tuple[str, dict[str, object]]) -> str:
    """Minimal configuration of a model with these layers, as a .keras file contains it."""
    rows = [
        {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}
        for name, config in layers
    ]
    return json.dumps(
        {
            "module": "keras",
            "class_name": "Sequential",
            "config": {"name": "example", "layers": rows},
            "registered_name": None,
        }
    )


@hookimpl
def zoo_architectures() -> Iterator[Architecture | Family]:
    yield Architecture(
        "tutorial_cnn",
        "zoo_keras.tutorial:tutorial_cnn",
        summary="Cats-and-dogs network of the tutorial, in Keras",
        tags=("keras", "cnn", "small"),
        input_size=150,
    )
    yield Architecture(
        "saved",
        "zoo_keras.saved:saved",
        summary="Model of a .keras file, created by zoo import",
        tags=("keras", "import"),
        example={"config": _described(*_EXAMPLE)},
    )
    yield Family(
        "architecture",
        "zoo_keras.applications:create",
        "zoo_keras:models.txt",
        summary="Model of keras.applications",
        tags=("keras", "pretrained", "imagenet", "backbone"),
        samples=("MobileNet", "MobileNetV3Small"),
    )


@hookimpl
def zoo_importers() -> Iterator[Importer]:
    yield Importer(
        "keras",
        "zoo_keras.importing:read",
        suffixes=(".keras", ".h5", ".hdf5"),
        summary="Models saved by Keras",
        tags=("keras", "tensorflow"),
    )


@hookimpl
def zoo_health_checks() -> list[HealthCheck]:
    return [HealthCheck("keras-backend", "zoo_keras.health:backend", summary="Keras uses torch")]
