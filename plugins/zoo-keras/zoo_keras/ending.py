"""Convert a keras.Model to a verified torch network, with its weights as parameters and without softmax or sigmoid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import ContractError
from zoo_keras.backend import load
from zoo_keras.network import Graph, Held, KerasNetwork, hold

__all__ = ["ending_of", "network_of"]

_TOLERANCE = 1e-3
"""Relative to the largest output: both paths compute the same in the same order, except for the last activation."""


def network_of(
    model: Any,
    num_classes: int,
    in_chans: int,
    image_size: int,
    *,
    trusted: bool = False,
    separate_outputs: bool = False,
) -> KerasNetwork:
    """Convert a Keras model to a network that returns logits.

    Args:
        model: model with one image as input, and one output per class, or a single one for two classes. Its weights are
            copied.
        num_classes: number of classes.
        in_chans: channels of the images.
        image_size: side in pixels, where the model leaves it open.
        trusted: the model is known to return logits; its outputs are not checked.
        separate_outputs: outputs are values, each with weights of its own; two don't share a single one.

    Raises:
        ContractError: the model does not have this form; the message describes it.
    """
    layers, sample = _modules_and_sample(model, in_chans, image_size)
    activation = None if trusted else _without_ending(layers)
    with torch.no_grad():
        answer = layers.eval()(sample)
    units = _units(answer, model)
    if (units, activation) == (1, "softmax") and not separate_outputs:
        raise ContractError(f"The Keras model {model.name!r} ends in a softmax over one output, which is always 1.")
    shared = (units, num_classes) == (1, 2) and not separate_outputs
    if units != num_classes and not shared:
        raise ContractError(_wrong_width(model, units, num_classes, separate_outputs))
    if not trusted and not answer.is_meta:
        _check_same(model, answer, activation, sample)
        _check_logits(model, layers, activation, sample)
    return KerasNetwork(layers, shared, _channels_first(model, in_chans), activation)


def _wrong_width(model: Any, units: int, num_classes: int, separate_outputs: bool) -> str:
    what = "values, which need an output each" if separate_outputs else "classes"
    one = ", or one" if num_classes == 2 and not separate_outputs else ""
    has = f"{units} output{'' if units == 1 else 's'}"
    return (
        f"The Keras model {model.name!r} has {has} for {num_classes} {what}. Use num_classes outputs in its last "
        f"layer{one}."
    )


def _modules_and_sample(model: Any, in_chans: int, image_size: int) -> tuple[nn.Module, Tensor]:
    """The model's modules, and two random images in the model's layout."""
    keras = load()
    if not isinstance(model, keras.Model):
        raise ContractError(f"A builder must return a keras.Model, not {type(model).__name__}.")
    if not getattr(model, "inputs", None):
        with torch.no_grad():
            model(torch.zeros(1, image_size, image_size, in_chans), training=False)  # makes Keras create its weights
    inputs = getattr(model, "inputs", None) or [None]
    if len(inputs) != 1 or len(getattr(model, "outputs", None) or [None]) != 1:
        raise ContractError(
            f"The Keras model {model.name!r} must have one input, an image, and one output, the classes."
        )
    shape = (image_size, image_size, in_chans) if inputs[0] is None else inputs[0].shape[1:]
    if len(shape) != 3:
        raise ContractError(f"The Keras model {model.name!r} takes arrays {tuple(shape)}, not images (H, W, C).")
    first = _channels_first(model, in_chans)
    open_ = (in_chans, image_size, image_size) if first else (image_size, image_size, in_chans)
    sides = [side or given for side, given in zip(shape, open_, strict=True)]
    layers = hold(model)
    return layers, torch.randn(2, *sides, generator=torch.Generator().manual_seed(0), device="cpu").to(
        _device_of(layers)
    )


def _device_of(layers: nn.Module) -> torch.device:
    """Device of the parameters: the CPU, or torch's meta device where only the network's size is needed."""
    return next((tensor.device for tensor in layers.parameters()), torch.device("cpu"))


def _channels_first(model: Any, in_chans: int) -> bool:
    inputs = getattr(model, "inputs", None)
    shape = tuple(inputs[0].shape[1:]) if inputs else ()
    return len(shape) == 3 and shape[0] == in_chans and shape[2] != in_chans


def ending_of(layers: nn.Module) -> tuple[Graph, str] | None:
    """Find the layer that computes the output: its graph and its name; None where there is no such layer."""
    if not isinstance(layers, Graph):
        return None
    operation = layers.model.outputs[0]._keras_history.operation
    name = layers.names.get(id(operation))
    if (
        name is None
        or sum(node.operation is operation for row in layers.model._nodes_by_depth.values() for node in row) > 1
    ):
        return None
    module = layers.get_submodule(name)
    return ending_of(module) if isinstance(module, Graph) else (layers, name)


def _without_ending(layers: nn.Module) -> str | None:
    """Remove a final softmax or sigmoid, and return its name; "linear" for none, None where it is unknown."""
    found = ending_of(layers)
    if found is None:
        return None
    keras, (graph, name) = load(), found
    layer = graph.get_submodule(name).layer  # type: ignore[union-attr]
    if type(layer) is keras.layers.Softmax and layer.axis in (-1, 1):
        activation = "softmax"
    else:
        known = {
            keras.activations.softmax: "softmax",
            keras.activations.sigmoid: "sigmoid",
            keras.activations.linear: "linear",
        }
        activation = known.get(getattr(layer, "activation", None))
    if activation in (None, "linear"):
        return activation
    alone = isinstance(layer, keras.layers.Softmax | keras.layers.Activation)
    graph.set_submodule(name, nn.Identity() if alone else Held(_linear(layer)))
    return activation


def _linear(layer: Any) -> Any:
    """Copy a layer without its activation; the original belongs to the caller's model, and is not changed."""
    copy = type(layer).from_config({**layer.get_config(), "activation": "linear"})
    copy.build_from_config(layer.get_build_config())
    for own, given in zip(copy.weights, layer.weights, strict=True):
        own.assign(given)
    copy.trainable = layer.trainable
    return copy


def _units(answer: Any, model: Any) -> int:
    if not isinstance(answer, Tensor) or answer.ndim != 2:
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise ContractError(
            f"The Keras model {model.name!r} returns {shape} for two images, not (2, num_classes): pool or flatten "
            "before its last layer."
        )
    return answer.shape[1]


def _check_same(model: Any, answer: Tensor, activation: str | None, sample: Tensor) -> None:
    """Raise ContractError unless the network's outputs equal those of Keras's own call."""
    last: dict[str | None, Callable[[Tensor], Tensor]] = {"softmax": lambda z: z.softmax(1), "sigmoid": torch.sigmoid}
    with torch.no_grad(), load().device("cpu"):
        wanted = model(sample, training=False).float()
    found = last.get(activation, lambda z: z)(answer.float())
    if not torch.allclose(found, wanted, rtol=_TOLERANCE, atol=_TOLERANCE * float(wanted.abs().max()), equal_nan=True):
        apart = float((found - wanted).abs().max())
        raise ContractError(
            f"The network made of the Keras model {model.name!r} differs from the model (by {apart:.2g}). This is a "
            "bug in zoo-keras."
        )


def _check_logits(model: Any, layers: nn.Module, activation: str | None, sample: Tensor) -> None:
    """Raise ContractError if a model of unknown ending returns probabilities: 0..1 even for extreme inputs."""
    if activation is not None:
        return
    with torch.no_grad():
        loud = torch.cat([layers(sample * scale) for scale in (1.0, 30.0, -1000.0)])
    summed = loud.shape[1] > 1 and bool(((loud.sum(1) - 1).abs() < 1e-3).all())
    if bool(((loud >= 0) & (loud <= 1)).all()) and (summed or bool(((loud > 0) & (loud < 1)).any())):
        raise ContractError(
            f"The Keras model {model.name!r} seems to end in probabilities by an unknown operation. Losses of the "
            "zoo take logits: use activation=None or activation='softmax' in the last layer."
        )
