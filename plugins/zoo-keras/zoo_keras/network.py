"""A keras.Model as a network of the zoo: torch's modules around Keras's layers, whose weights they hold.

Keras keeps weights in variables of its own, under names that count up in a process. Here each layer has a module with
its weights as parameters and its state (the statistics of a batch norm, the seeds of a dropout) as buffers. In a call
the layer computes with those (``keras.StatelessScope``), so that whatever torch does to modules holds: moving them to
a device, copying, averaging and dividing them, loading their state, freezing them one by one, exporting them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from zoo_keras.backend import load

__all__ = ["Graph", "Held", "KerasNetwork", "hold"]


class KerasNetwork(nn.Module):
    """Images (N, C, H, W) float -> logits (N, num_classes), by a Keras model.

    Args:
        layers: the model's, as :func:`hold` gives them; they return (N, K), or (N, 1) for two classes.
        binary: the one output z is the second class's; the logits are (0, z), whose softmax is z's sigmoid.
        channels_first: the model takes (N, C, H, W) itself, and not Keras's usual (N, H, W, C).
        ending: what was left out of it: ``softmax``, ``sigmoid``, or ``linear`` for nothing; None where nobody knows.
    """

    def __init__(self, layers: nn.Module, binary: bool, channels_first: bool, ending: str | None = None):
        super().__init__()
        self.ending = ending
        self.layers, self.binary, self.channels_first = layers, binary, channels_first

    def forward(self, images: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, H, W, C): no copy, where channels lie last in memory as the zoo places them
        answer: Tensor = self.layers(images if self.channels_first else images.permute(0, 2, 3, 1))
        return torch.cat([torch.zeros_like(answer), answer], dim=1) if self.binary else answer


class Shared:
    """What all copies of a module have in common: a Keras layer, or a graph of them, which keep nothing of a call."""

    def __init__(self, value: Any):
        self.value = value

    def __deepcopy__(self, memo: dict[int, Any]) -> Shared:
        return self


class Held(nn.Module):
    """One Keras layer, whose variables are this module's parameters and buffers.

    ``train()`` and ``eval()`` are its ``training`` argument; where a graph has called it with ``training=False``,
    it is so always.

    Args:
        layer: a layer that is built.
    """

    def __init__(self, layer: Any):
        nn.Module.__init__(self)
        self.places = nn.Identity()
        self._shared = Shared((layer, layer.variables))
        learned = {id(variable) for part in layer._flatten_layers() for variable in part._trainable_variables}
        self._names = distinct((_plain(variable.name) for variable in layer.variables), taken=set(dir(self)))
        for name, variable in zip(self._names, layer.variables, strict=True):
            value = variable.value.detach().clone()
            if id(variable) in learned:
                self.register_parameter(name, nn.Parameter(value, requires_grad=bool(variable.trainable)))
            else:
                self.register_buffer(name, value)

    @property
    def layer(self) -> Any:
        """The Keras layer; its own variables have the values that it was built with."""
        return self._shared.value[0]

    def forward(self, *inputs: Any, training: bool | None = None, **settings: Any) -> Any:
        keras, (layer, variables) = load(), self._shared.value
        tensors = [getattr(self, name) for name in self._names]
        training = self.training and training is not False
        with keras.device(str(_device(inputs))), keras.StatelessScope(zip(variables, tensors, strict=True)) as scope:
            answer = layer(*inputs, training=training, **settings)
        if training:
            self._keep(scope, tensors)
        return self._look(answer)

    def _keep(self, scope: Any, tensors: list[Tensor]) -> None:
        """Bring what a training step changed into the buffers: running statistics, the next seed."""
        for variable, tensor in zip(self._shared.value[1], tensors, strict=True):
            new = scope.get_current_value(variable)
            if new is not tensor and not isinstance(tensor, nn.Parameter):
                tensor.copy_(new.detach())

    def _look(self, answer: Any) -> Any:
        """The answer; those who look for maps (n, D, h, w), as Grad-CAM does, find them in ``places``."""
        if not isinstance(answer, Tensor) or answer.ndim != 4:
            return answer
        if getattr(self.layer, "data_format", None) == "channels_first":
            return self.places(answer)
        return self.places(answer.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def extra_repr(self) -> str:
        return f"{type(self.layer).__name__} of Keras"


class HeldBatchNorm(Held, _BatchNorm):
    """A batch norm of Keras, which those who look for torch's find: its statistics can be left alone in training."""

    track_running_stats = False  # under torch's names, which a state would then have to have


class HeldNormalization(Held):
    """Keras's Normalization by values that were adapted to data; the layer keeps those outside of its variables too."""

    def forward(self, inputs: Tensor, **settings: Any) -> Any:
        layer = self.layer
        mean, variance = (getattr(self, name).reshape(layer._broadcast_shape) for name in ("mean", "variance"))
        scale = variance.sqrt().clamp(min=load().config.epsilon())
        return self._look(inputs * scale + mean if layer.invert else (inputs - mean) / scale)


class Graph(nn.Module):
    """A Functional model: a module for each of its layers, and Keras's order of running them.

    Args:
        model: a Functional model with one input and one output.
    """

    def __init__(self, model: Any):
        super().__init__()
        layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
        self.names = dict(zip(map(id, layers), distinct(map(_layer_name, layers), set(dir(self))), strict=True))
        for layer in layers:
            self.add_module(self.names[id(layer)], hold(layer))
        self._shared = Shared(model)

    @property
    def model(self) -> Any:
        """The Functional model."""
        return self._shared.value

    def forward(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run each layer on what it is given; ``training=False`` holds for all."""

        def runner(operation: Any) -> Any:
            if id(operation) not in self.names:
                return operation  # an operation without state, such as keras.ops.add
            return _caller(self.get_submodule(self.names[id(operation)]), training)  # asked anew: it may be another now

        with load().device(str(_device(inputs))):
            answer = self.model._run_through_graph(inputs, operation_fn=runner)
        return answer[0] if isinstance(answer, list | tuple) and len(answer) == 1 else answer


def _caller(module: nn.Module, training: bool | None) -> Any:
    """What to call with Keras's arguments; torch's own modules, put in a layer's place, take none of them."""
    if not isinstance(module, Held | Graph):
        return lambda *inputs, **settings: module(*inputs)
    return (
        module
        if training is not False
        else lambda *inputs, **settings: module(*inputs, **{**settings, "training": False})
    )


def hold(layer: Any) -> nn.Module:
    """The module of a layer, or of a model and all layers in it; of a class of its own, such as a subclass of
    keras.Model, one for the whole."""
    keras = load()
    if type(layer) is keras.Sequential and layer._functional is not None:
        return Graph(layer._functional)
    if isinstance(layer, keras.Model) and type(layer).__name__ == "Functional":
        return Graph(layer)
    if isinstance(layer, keras.layers.BatchNormalization):
        return HeldBatchNorm(layer)
    if type(layer) is keras.layers.Normalization and layer.input_mean is None:
        return HeldNormalization(layer)
    return Held(layer)


def distinct(names: Iterable[str], taken: set[str]) -> list[str]:
    """The names, in order, those that were there before with a number: ``dense``, ``dense_1``."""
    taken, found = set(taken), []
    for name in names:
        chosen, count = name, 0
        while chosen in taken:
            count += 1
            chosen = f"{name}_{count}"
        taken.add(chosen)
        found.append(chosen)
    return found


def _layer_name(layer: Any) -> str:
    """A layer's name; what Keras made up, counting the layers of a process, without the number."""
    kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(layer).__name__).lower()
    bare = re.sub(r"_\d+$", "", layer.name)
    made_up = bare.replace("_", "") == kind.replace("_", "")
    return _plain(bare if made_up else layer.name)


def _plain(name: str) -> str:
    """A name that a module of torch can have; a variable without one is called so, and its number by Keras."""
    return re.sub(r"[^A-Za-z0-9_]", "_", re.sub(r"^variable_\d+$", "variable", name)) or "unnamed"


def _device(inputs: Any) -> torch.device:
    """Where the first tensor of a call is."""
    while isinstance(inputs, list | tuple | dict):
        values = list(inputs.values()) if isinstance(inputs, dict) else list(inputs)
        inputs = next((v for v in values if isinstance(v, Tensor | list | tuple | dict)), None)
    return inputs.device if isinstance(inputs, Tensor) else torch.device("cpu")
