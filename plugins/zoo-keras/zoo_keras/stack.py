"""Recognise a Keras model that equals the zoo's simple_cnn, and convert its parameters and weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from zoo_keras.backend import load

__all__ = ["Simple", "as_simple_cnn", "prepares_itself"]

_ACTIVATIONS = ("relu", "sigmoid", "tanh")
"""Activations that both have; Keras's gelu equals torch's, but simple_cnn applies it after the pool."""


class Simple(NamedTuple):
    """A network of ``simple_cnn``.

    Args:
        params: parameters of the factory.
        tensors: state dict of the network.
        mean, std: normalisation of pixels in 0..1, where the model's first layer rescales them; else 0 and 1.
        scale: factor and summand that convert images normalised this way to the model's input.
    """

    params: dict[str, Any]
    tensors: dict[str, Tensor]
    mean: float
    std: float
    scale: tuple[float, float]


def as_simple_cnn(model: Any, ending: str | None) -> Simple | None:
    """Convert the model to an equal simple_cnn; None where it has another structure.

    The structure is: an optional Rescaling; 3x3 convolutions, each with a 2x2 pool; a flatten layer; a dense layer; an
    optional dropout; and the output: for two classes one sigmoid, or two outputs with a softmax, whose difference
    equals it.

    Args:
        model: the Keras model.
        ending: the model's final activation: "softmax", "sigmoid" or "linear".
    """
    layers = load().layers
    if type(model).__name__ not in ("Sequential", "Functional") or not _is_sequential(model):
        return None
    rows = [layer for layer in model.layers if not isinstance(layer, layers.InputLayer)]
    rescaled = rows.pop(0) if rows and type(rows[0]) is layers.Rescaling else None
    dense = next((i for i, layer in enumerate(rows) if type(layer) is layers.Flatten), None)
    if dense is None or len(rows) - dense not in (3, 4):
        return None
    stages, (_, hidden, *drop, output) = rows[:dense], rows[dense:]
    if not (_are_stages(stages) and _are_dense(hidden, output, drop) and _one_activation([*stages[::2], hidden])):
        return None
    convs = stages[::2]
    factor, summand = (1.0, 0.0) if rescaled is None else _numbers(rescaled)
    params = {
        "channels": [conv.filters for conv in convs],
        "padding": convs[0].padding == "same",
        "hidden": hidden.units,
        "activation": hidden.activation.__name__,
        "dropout": float(drop[0].rate) if drop else 0.0,
    }
    if summand is None or any(conv.padding != convs[0].padding for conv in convs):
        return None
    # (255 p) factor + summand == (p - mean) / std, for pixels p in 0..1
    std, mean = (1.0, 0.0) if rescaled is None else (1 / (255 * factor), (0.0 - summand) / (255 * factor))
    back = (1.0, 0.0) if rescaled is None else (1 / factor, -summand / factor)
    return Simple(params, _tensors(convs, hidden, output, tuple(stages[-1].output.shape[1:])), mean, std, back)


def prepares_itself(model: Any) -> bool:
    """Check that the model's own first layers rescale or normalise pixels in 0..255."""
    layers = load().layers
    kinds = (layers.InputLayer, layers.RandomFlip, layers.RandomRotation, layers.RandomZoom, layers.Resizing)
    first = next((layer for layer in model.layers if not isinstance(layer, kinds)), None)
    return isinstance(first, layers.Rescaling | layers.Normalization)


def _is_sequential(model: Any) -> bool:
    """Check that every layer takes only the output of the layer before it."""
    graph = getattr(model, "_functional", None) or model
    return graph is not None and all(len(nodes) == 1 for nodes in graph._nodes_by_depth.values())


def _numbers(layer: Any) -> tuple[float, float | None]:
    scale, offset = layer.scale, layer.offset
    plain = isinstance(scale, int | float) and isinstance(offset, int | float) and scale > 0
    return (float(scale), float(offset)) if plain else (1.0, None)


def _are_stages(rows: list[Any]) -> bool:
    layers = load().layers
    pairs = list(zip(rows[::2], rows[1::2], strict=False))
    return bool(pairs) and len(rows) % 2 == 0 and all(
        type(conv) is layers.Conv2D
        and (conv.kernel_size, conv.strides, conv.dilation_rate, conv.groups) == ((3, 3), (1, 1), (1, 1), 1)
        and (conv.use_bias, conv.data_format) == (True, "channels_last")
        and type(pool) is layers.MaxPooling2D
        and (tuple(pool.pool_size), tuple(pool.strides), pool.padding) == ((2, 2), (2, 2), "valid")
        for conv, pool in pairs
    )  # fmt: skip


def _are_dense(hidden: Any, output: Any, drop: list[Any]) -> bool:
    layers = load().layers
    plain = all(type(layer) is layers.Dense and layer.use_bias for layer in (hidden, output))
    return plain and all(type(layer) is layers.Dropout for layer in drop)


def _one_activation(rows: list[Any]) -> bool:
    names = {getattr(layer.activation, "__name__", None) for layer in rows}
    return len(names) == 1 and names <= set(_ACTIVATIONS)


def _tensors(convs: list[Any], hidden: Any, output: Any, last: tuple[int, int, int]) -> dict[str, Tensor]:
    """Convert kernels (h, w, in, out) to torch's layout, and the dense layer to maps flattened channels first."""
    found: dict[str, Tensor] = {}
    for stage, conv in enumerate(convs):
        kernel, bias = _weights(conv)
        found[f"features.{3 * stage}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
        found[f"features.{3 * stage}.bias"] = bias
    kernel, bias = _weights(hidden)
    # rows of the kernel: h, w, channel -> channel, h, w
    found["classifier.hidden.0.weight"] = kernel.reshape(*last, -1).permute(3, 2, 0, 1).flatten(1).contiguous()
    found["classifier.hidden.0.bias"] = bias
    kernel, bias = _weights(output)
    if kernel.shape[1] == 2:  # softmax of (a, b) is the sigmoid of b - a
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    found["classifier.output.weight"] = kernel.T.contiguous()
    found["classifier.output.bias"] = bias.contiguous()
    return found


def _weights(layer: Any) -> tuple[Tensor, Tensor]:
    kernel, bias = (torch.from_numpy(weight.copy()) for weight in layer.get_weights())
    return kernel, bias
