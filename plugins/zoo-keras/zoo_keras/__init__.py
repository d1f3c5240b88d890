"""Keras 3 models on the torch backend, for the zoo: ``from zoo_keras import keras_architecture``."""

from typing import Any

__all__ = ["as_architecture", "keras_architecture"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # on first use: the zoo imports this package when it lists plugins, and does so without torch
        from zoo_keras import architecture

        return getattr(architecture, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
