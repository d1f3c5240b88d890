"""Run a keras.Model as a torch network: torch modules wrap Keras's layers, and hold their weights.

Keras keeps weights in its own variables, with names that depend on earlier models of the process. Here each layer has a
module with its weights as parameters and its state (batch-norm statistics, dropout seeds) as buffers. A call computes
with these tensors (``keras.StatelessScope``), so that everything torch does to modules works: moving them to a device,
copying, averaging and sharding them, loading their state, freezing them one by one, exporting them.
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
    """A Keras model as a network: images (N, C, H, W) float -> logits (N, num_classes).

    Args:
        layers: modules of the model, as :func:`hold` returns them; they return (N, K), or (N, 1) for two classes.
        binary: the single output z belongs to the second class; the logits are (0, z), whose softmax is the sigmoid of
            z.
        channels_first: the model takes (N, C, H, W), instead of Keras's usual (N, H, W, C).
        ending: name of the removed activation: ``softmax``, ``sigmoid``, or ``linear`` for none; None where it is
            unknown.
    """

    def __init__(self, layers: nn.Module, binary: bool, channels_first: bool, ending: str | None = None):
        super().__init__()
        self.ending = ending
        self.layers, self.binary, self.channels_first = layers, binary, channels_first

    def forward(self, images: Tensor) -> Tensor:
        # (N, C, H, W) -> (N, H, W, C): no copy in the channels-last memory format, which the zoo uses
        answer: Tensor = self.layers(images if self.channels_first else images.permute(0, 2, 3, 1))
        return torch.cat([torch.zeros_like(answer), answer], dim=1) if self.binary else answer


class Shared:
    """A value that all copies of a module share: a stateless Keras layer, or a graph of layers."""

    def __init__(self, value: Any):
        self.value = value

    def __deepcopy__(self, memo: dict[int, Any]) -> Shared:
        return self


class Held(nn.Module):
    """A Keras layer whose variables are this module's parameters and buffers.

    ``train()`` and ``eval()`` set its ``training`` argument, unless a graph calls it with ``training=False``.

    Args:
        layer: a built layer.
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
        """The Keras layer; its own variables keep their values from construction."""
        return self._shared.value[0]

    def forward(self, *inputs: Any, training: bool | None = None, **settings: Any) -> Any:
        keras, (layer, variables) = load(), self._shared.value
        tensors = [getattr(self, name) for name in self._names]
        training = self.training and training is not False
        with keras.device(str(_device(inputs))), keras.StatelessScope(zip(variables, tensors, strict=True)) as scope:
            answer = layer(*inputs, training=training, **settings)
        if training:
            self._keep(scope, tensors)
        return self._expose_maps(answer)

    def _keep(self, scope: Any, tensors: list[Tensor]) -> None:
        """Copy the state changed by a training step into the buffers: running statistics, the next seed."""
        for variable, tensor in zip(self._shared.value[1], tensors, strict=True):
            new = scope.get_current_value(variable)
            if new is not tensor and not isinstance(tensor, nn.Parameter):
                tensor.copy_(new.detach())

    def _expose_maps(self, answer: Any) -> Any:
        """Pass feature maps (n, D, h, w) through ``places``, where hooks such as Grad-CAM's find them."""
        if not isinstance(answer, Tensor) or answer.ndim != 4:
            return answer
        if getattr(self.layer, "data_format", None) == "channels_first":
            return self.places(answer)
        return self.places(answer.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def extra_repr(self) -> str:
        return f"{type(self.layer).__name__} of Keras"


class HeldBatchNorm(Held, _BatchNorm):
    """A Keras batch norm that is an instance of torch's class, so that code that freezes batch norms finds it."""

    track_running_stats = False  # else torch's buffers would have to be in the state


class HeldNormalization(Held):
    """Keras's Normalization with adapted values, which the layer also keeps outside of its variables."""

    def forward(self, inputs: Tensor, **settings: Any) -> Any:
        layer = self.layer
        mean, variance = (getattr(self, name).reshape(layer._broadcast_shape) for name in ("mean", "variance"))
        scale = variance.sqrt().clamp(min=load().config.epsilon())
        return self._expose_maps(inputs * scale + mean if layer.invert else (inputs - mean) / scale)


class Graph(nn.Module):
    """A Functional model: a module per layer, executed in Keras's order.

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
        """Run the layers in Keras's order; ``training=False`` applies to all of them."""

        def runner(operation: Any) -> Any:
            if id(operation) not in self.names:
                return operation  # an operation without state, such as keras.ops.add
            return _caller(self.get_submodule(self.names[id(operation)]), training)  # anew, as it may be replaced

        with load().device(str(_device(inputs))):
            answer = self.model._run_through_graph(inputs, operation_fn=runner)
        return answer[0] if isinstance(answer, list | tuple) and len(answer) == 1 else answer


def _caller(module: nn.Module, training: bool | None) -> Any:
    """Return a callable for Keras's arguments; torch modules that replaced a layer take only the inputs."""
    if not isinstance(module, Held | Graph):
        return lambda *inputs, **settings: module(*inputs)
    return (
        module
        if training is not False
        else lambda *inputs, **settings: module(*inputs, **{**settings, "training": False})
    )


def hold(layer: Any) -> nn.Module:
    """Wrap a layer, or a model and all its layers, in modules.

    A layer of a custom class, such as a subclass of keras.Model, becomes a single module.
    """
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
    """Make names unique by appending numbers: ``dense``, ``dense_1``."""
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
    """Name of a layer; without the number that Keras appends to default names, as it counts the layers of a process."""
    kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(layer).__name__).lower()
    bare = re.sub(r"_\d+$", "", layer.name)
    made_up = bare.replace("_", "") == kind.replace("_", "")
    return _plain(bare if made_up else layer.name)


def _plain(name: str) -> str:
    """Convert a name to a valid module name; unnamed variables lose the number that Keras appends."""
    return re.sub(r"[^A-Za-z0-9_]", "_", re.sub(r"^variable_\d+$", "variable", name)) or "unnamed"


def _device(inputs: Any) -> torch.device:
    """Device of the first tensor among a call's inputs."""
    while isinstance(inputs, list | tuple | dict):
        values = list(inputs.values()) if isinstance(inputs, dict) else list(inputs)
        inputs = next((v for v in values if isinstance(v, Tensor | list | tuple | dict)), None)
    return inputs.device if isinstance(inputs, Tensor) else torch.device("cpu")
