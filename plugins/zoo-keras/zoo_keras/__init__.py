"""Train Keras 3 models with the zoo, on the torch backend: ``from zoo_keras import keras_architecture``."""

from typing import Any

__all__ = ["as_architecture", "keras_architecture"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # lazily: listing plugins imports this package, and must not import torch
        from zoo_keras import architecture

        return getattr(architecture, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
