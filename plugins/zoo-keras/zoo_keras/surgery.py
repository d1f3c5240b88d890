"""Transfer pretrained weights of Keras's applications to a network with another head, first layer or preprocessing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import RequestError
from zoo_keras.list_models import CAFFE, IMAGENET, preprocessing

__all__ = ["take_over"]


def take_over(model: Any, trained: Any, name: str) -> None:
    """Copy the weights of a trained application to a new one, layer by layer; a head of another shape stays new.

    Layers are matched by order, as some have names that depend on earlier models of the process.

    Args:
        model: application as the zoo builds it: for images prepared by :func:`zoo_keras.list_models.preprocessing`.
        trained: application as Keras loads it, with or without its top.
        name: name of the application.

    Raises:
        RequestError: the weights are for colour images, and can't be adapted to other channels.
        ValueError: the layers of the two differ in shape.
    """
    mine, theirs = (_with_weights(each) for each in (model, trained))
    head = mine[-1]
    first = next(layer for layer in theirs if layer.get_weights()[0].ndim == 4)
    for own, other in zip(mine, theirs, strict=False):
        weights = other.get_weights()
        if other is first:
            weights[0] = _first_layer(weights[0], own.get_weights()[0].shape[2], name)
        if type(other).__name__ == "Normalization":
            weights = _normalization(weights, trained, len(own.get_weights()[0]), name)
        if all(a.shape == b.shape for a, b in zip(own.get_weights(), weights, strict=True)):
            own.set_weights(weights)
        elif own is not head and other is not theirs[-1] and "fc" not in own.name:
            raise ValueError(f"layer {own.name} of {name} differs in shape from its trained weights")


def _with_weights(model: Any) -> list[Any]:
    return [layer for layer in model.layers if layer.get_weights()]


def _first_layer(kernel: NDArray[np.float32], channels: int, name: str) -> NDArray[np.float32]:
    """Convert a first kernel (h, w, 3, K) to the zoo's preprocessing and a number of channels.

    Keras's ``caffe`` weights expect BGR pixels in 0..255 minus the mean; the kernel compensates for the division by the
    std. The outputs are identical, as padding is zero in both.
    """
    if preprocessing(name) == CAFFE:
        kernel = kernel[:, :, ::-1] * (255 * np.array(CAFFE["std"], np.float32))[:, None]
    if channels == 3:
        return kernel
    if channels == 1:
        return kernel.sum(axis=2, keepdims=True)
    repeated = np.tile(kernel, (1, 1, -(-channels // 3), 1))[:, :, :channels]
    return repeated * np.float32(3 / channels)


def _normalization(weights: list[Any], trained: Any, channels: int, name: str) -> list[Any]:
    """Merge the rescaling that follows EfficientNet's normalization in Keras's pretrained model into its variance."""
    if channels != len(weights[0]):
        raise RequestError(f"The pretrained weights of {name!r} are for colour images: leave out --pretrained.")
    mean, variance, *rest = weights
    scaled = [layer for layer in trained.layers if type(layer).__name__ == "Rescaling"][1:]
    return [mean, variance * np.array(IMAGENET["std"], np.float32) if scaled else variance, *rest]
