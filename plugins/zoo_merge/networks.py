"""The architecture of ensembles: several networks, whose predictions are averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import click
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from zoo.api.commands import registry_here
from zoo.api.compute import task_named
from zoo.api.jobs import Registry, components
from zoo.api.models import build_model
from zoo.errors import RequestError
from zoo_merge.averaging import LINKED, Average, averaged

__all__ = ["Ensemble", "EnsembleMember", "ensemble"]

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_INPUT, _OUTPUT = ("scale", "shift"), ("output_scale", "output_shift")


class EnsembleMember(BaseModel):
    """One network of an ensemble.

    Args:
        architecture: its name.
        params: parameters of the architecture.
        scale, shift: the network takes ``scale * images + shift``, one value per channel: for a normalisation of its
            own. None where it takes the images as they are.
        order: for each class of the ensemble, its place among the network's outputs. None for the same order.
        temperature: divisor of the network's logits.
        output_scale, output_shift: the outputs become ``output_scale * outputs + output_shift``, one value per output:
            for values that were standardised by other targets. None where they are on the ensemble's scale.
    """

    model_config = ConfigDict(extra="forbid")

    architecture: str
    params: dict[str, Any] = Field(default_factory=dict)
    scale: list[_Finite] | None = None
    shift: list[_Finite] | None = None
    order: list[Annotated[int, Field(ge=0)]] | None = None
    temperature: Annotated[_Finite, Field(gt=0)] = 1.0
    output_scale: list[_Finite] | None = None
    output_shift: list[_Finite] | None = None


class Ensemble(nn.Module):
    """Average the predictions of networks.

    Args:
        networks: networks, images (N, C, H, W) -> logits (N, K).
        members: their descriptions, in the same order.
        average: see :func:`zoo_merge.averaging.averaged`.
    """

    def __init__(self, networks: Sequence[nn.Module], members: Sequence[EnsembleMember], average: Average):
        super().__init__()
        self.members = nn.ModuleList(
            _Adapted(network, member, average) for network, member in zip(networks, members, strict=True)
        )
        self.average = average

    def forward(self, images: Tensor) -> Tensor:
        """Return outputs (N, M) of images (N, C, H, W)."""
        return averaged([member(images) for member in self.members], self.average)


class _Adapted(nn.Module):
    """A network with the input and output of its ensemble."""

    scale: Tensor | None
    shift: Tensor | None
    order: Tensor | None
    output_scale: Tensor | None
    output_shift: Tensor | None

    def __init__(self, network: nn.Module, member: EnsembleMember, average: Average):
        super().__init__()
        self.network, self.temperature = network, member.temperature
        link = {"outputs": {"link": {"kind": average}}} if average in LINKED else None
        self.task = task_named("ordinal", link)
        for name, shape in (*((one, (1, -1, 1, 1)) for one in _INPUT), *((one, (1, -1)) for one in _OUTPUT)):
            value = getattr(member, name)
            tensor = None if value is None else torch.tensor(value).view(shape)
            self.register_buffer(name, tensor, persistent=False)  # part of the parameters of the architecture
        order = None if member.order is None else torch.tensor(member.order)
        self.register_buffer("order", order, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        images = images if self.scale is None else images * self.scale
        images = images if self.shift is None else images + self.shift
        return self.converted(self.network(images))

    def converted(self, outputs: Tensor) -> Tensor:
        """Convert the network's outputs to the order and the scale of the ensemble's; ranks to log-probabilities."""
        logits = self.task.read(outputs.float())
        logits = logits if self.order is None else logits.index_select(1, self.order)
        logits = logits if self.output_scale is None else logits * self.output_scale
        logits = logits if self.output_shift is None else logits + self.output_shift
        return logits if self.temperature == 1 else logits / self.temperature


def ensemble(
    num_classes: int,
    in_chans: int = 3,
    image_size: int = 224,
    classes: Sequence[str] = (),
    members: tuple[str | dict[str, Any], ...] = ("simple_cnn", "simple_cnn"),
    average: Average | None = None,
    separate_outputs: bool = False,
) -> nn.Module:
    """Build several networks whose predictions are averaged; zoo merge makes one of trained runs.

    Args:
        members: the networks, each the name of an architecture, or a mapping with the keys architecture, params, scale,
            shift, order, temperature, output_scale and output_shift.
        average: softmax for the mean probability of classes, sigmoid for that of each label, outputs for the mean of
            the outputs themselves, corn or cumulative for the mean probability of the ranks of such a loss. None for
            outputs where these are values or ranks of a loss, else softmax.
    """
    average = average or ("outputs" if separate_outputs else "softmax")
    registry = _registry()
    described = [_described(member, index, num_classes, in_chans) for index, member in enumerate(members)]
    if not described:
        raise RequestError("architecture.members is empty: give at least one architecture, such as [simple_cnn].")
    names = list(classes) or [str(index) for index in range(num_classes)]
    networks = []
    for member in described:
        entry = registry.find("architecture", member.architecture)
        own = _own_order(names, member)
        shape = num_classes, in_chans, image_size
        networks.append(build_model(entry, dict(member.params), *shape, classes=own, separate_outputs=separate_outputs))
    return Ensemble(networks, described, average)


def _registry() -> Registry:
    """The registry of the running command; that of the installed plugins where no command is running."""
    return components() if click.get_current_context(silent=True) is None else registry_here(quiet=True)


def _described(member: str | Mapping[str, Any], index: int, num_classes: int, in_chans: int) -> EnsembleMember:
    """Check the description of a member.

    Raises:
        RequestError: it is malformed; the message names the key.
    """
    where = f"architecture.members[{index}]"
    try:
        found = EnsembleMember.model_validate({"architecture": member} if isinstance(member, str) else dict(member))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RequestError(
            f"{where}: {key}: {first['msg']}. A member is the name of an architecture, or a mapping with the keys "
            f"{', '.join(EnsembleMember.model_fields)}."
        ) from error
    for name in (*_INPUT, *_OUTPUT):
        value, count = getattr(found, name), in_chans if name in _INPUT else num_classes
        if value is not None and len(value) not in (1, count):
            whose = f"images of {count} channels" if name in _INPUT else f"{count} outputs"
            raise RequestError(f"{where}.{name} has {len(value)} values for {whose}.")
    if found.order is not None and sorted(found.order) != list(range(num_classes)):
        raise RequestError(f"{where}.order must have each of 0 to {num_classes - 1} once, not {found.order}.")
    return found


def _own_order(classes: Sequence[str], member: EnsembleMember) -> list[str]:
    """Class names in the order of a member's outputs."""
    if member.order is None:
        return list(classes)
    return [name for _, name in sorted(zip(member.order, classes, strict=True))]
