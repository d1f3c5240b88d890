"""The loss of a run, built for the outputs of its network, and the checks of what losses and metrics take from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.batch_weights import weight_of
from zoo.engine.outputs import LOGITS, Outputs, call_scored, loss_module, takes
from zoo.engine.step import Loss
from zoo.engine.task import SINGLE_LABEL, Task
from zoo.errors import ContractError, RequestError
from zoo.job.resolve import Resolved
from zoo.model.build import build
from zoo.registry.entry import Entry
from zoo.registry.signature import accepts
from zoo.registry.suggest import listing

__all__ = ["Scored", "build_loss", "check_outputs", "check_parameters", "check_weight", "link_of_loss", "loss_weights"]

FEATURES = "features"
"""Output of a network whose width a loss is given as ``num_features``."""


@dataclass(frozen=True)
class Scored:
    """What losses and metrics are built for.

    Args:
        classes: names, in label order.
        task: single-label by default.
        outputs: examples of the outputs that the network has beside its logits, for two images.
        file: the network is an exported file, which has logits alone.
    """

    classes: Sequence[str]
    task: Task = SINGLE_LABEL
    outputs: Outputs = field(default_factory=dict)
    file: bool = False

    @property
    def given(self) -> Mapping[str, Any]:
        """Arguments for factories that take them."""
        features = self.outputs.get(FEATURES)
        wide = {} if features is None else {"num_features": features.shape[1]}
        form = {"multilabel": self.task.multilabel, "regression": not self.task.classifies}
        return {**form, "classes": list(self.classes), **wide}

    def examples(self) -> tuple[Tensor, Tensor]:
        """Raw outputs and targets of two images."""
        count = len(self.classes)
        outputs = torch.zeros(2, self.task.width(count))
        if self.task.multilabel:
            return outputs, torch.eye(2, count)
        return outputs, torch.tensor([0, count - 1]) if self.task.classifies else torch.zeros(2, count)


def link_of_loss(resolved: Resolved) -> Mapping[str, Any] | None:
    """How the job's loss has the outputs of the network read, as plain data; None where an output is a class's."""
    link = getattr(resolved.entry("loss").factory(), "link", None)
    if not callable(link):
        return None
    return dict(link(**{name: value for name, value in resolved.job.loss.params.items() if accepts(link, name)}))


def build_loss(resolved: Resolved, scored: Scored, class_weights: list[float] | None = None) -> Loss:
    """Build the loss, with the number of classes, their names and the number of features where it takes them.

    Raises:
        RequestError: the job sets class weights, and the loss does not take ``class_weights``; or the loss takes an
            output that the network doesn't return.
        ContractError: the loss or its weight is not a scalar, or it is not a module and has learnable parameters.
    """
    entry, count = resolved.entry("loss"), len(scored.classes)
    params = _weighted(resolved, class_weights)
    if accepts(entry.factory(), "num_features") and FEATURES not in scored.outputs:
        raise RequestError(_lacks(resolved, entry, "num_features", scored.outputs, file=scored.file))
    loss = build(entry, params, "loss", num_classes=count, **scored.given)
    check_parameters(entry, loss)
    check_outputs(resolved, entry, loss, scored.outputs, file=scored.file)
    outputs, goal = scored.examples()
    probe = call_scored(loss, outputs, goal, scored.outputs)
    if not isinstance(probe, torch.Tensor) or probe.ndim != 0:
        raise ContractError(f"loss {entry.id!r} must return a scalar tensor, not {probe!r}")
    check_weight(entry, loss, goal)
    return loss  # type: ignore[no-any-return]


def _weighted(resolved: Resolved, class_weights: list[float] | None) -> Mapping[str, Any]:
    """Parameters of the job's loss, with the class weights."""
    params = dict(resolved.job.loss.params)
    if class_weights is None:
        return params
    if not accepts(resolved.entry("loss").factory(), "class_weights"):
        raise RequestError(
            f"loss {resolved.entry('loss').id!r} has no class_weights. Sample the classes equally instead: "
            "--set train.sampler=balanced, or choose another loss: --set loss=cross_entropy"
        )
    if params.get("class_weights") is not None:
        raise RequestError("loss.class_weights and train.class_weights both weight the classes: remove one of them.")
    return {**params, "class_weights": class_weights}


def loss_weights(loss: Any) -> list[nn.Parameter]:
    """Weights of a loss that are trained, such as the class centres of a margin loss."""
    module = loss_module(loss)
    return [] if module is None else [p for p in module.parameters() if p.requires_grad]


def check_parameters(entry: Entry, loss: Any) -> None:
    """Refuse a loss with weights that a run could neither move to the device nor save.

    Raises:
        ContractError: the loss has weights, but is not a module.
    """
    if isinstance(loss, nn.Module):
        return
    held = getattr(loss, "__dict__", {})
    found = [name for name, value in held.items() if isinstance(value, nn.Parameter) and value.requires_grad]
    for name, part in held.items():
        if isinstance(part, nn.Module):
            found += [f"{name}.{inner}" for inner, p in part.named_parameters() if p.requires_grad]
    if found:
        raise ContractError(
            f"{entry.title} has trainable weights ({listing(found, most=3)}), but is not a torch.nn.Module, so a run "
            "can neither move nor save them. Derive its class from torch.nn.Module, or call requires_grad_(False) on "
            "constants."
        )


def check_weight(entry: Entry, loss: Any, targets: torch.Tensor) -> None:
    """Refuse a loss whose ``weight_of`` does not return one number.

    Args:
        targets: (N,) or (N, K).

    Raises:
        ContractError: it does not.
    """
    weight = weight_of(loss, targets)
    if weight is None or (isinstance(weight, int | float | torch.Tensor) and torch.as_tensor(weight).ndim == 0):
        return
    given = f"{tuple(weight.shape)} values" if isinstance(weight, torch.Tensor) else type(weight).__name__
    raise ContractError(
        f"weight_of() of {entry.title} returned {given}. It must return the divisor of the loss over these targets, "
        "a scalar tensor, or None for the number of images."
    )


def check_outputs(resolved: Resolved, entry: Entry, function: Any, outputs: Outputs, *, file: bool = False) -> None:
    """Refuse a loss or a metric that takes an output which the network does not return.

    Raises:
        RequestError: it does; the message names the component and the architecture.
    """
    missing = [name for name, required in takes(function).items() if required and name not in outputs]
    if missing:
        raise RequestError(_lacks(resolved, entry, missing[0], outputs, file=file))


def _lacks(resolved: Resolved, entry: Entry, name: str, outputs: Outputs, *, file: bool) -> str:
    if file:
        return f"{entry.title} takes {name!r}, but an exported file returns logits alone. Type: zoo evaluate RUN"
    network = resolved.entry("architecture")
    key = FEATURES if name == "num_features" else name
    had = f"a mapping with {listing([LOGITS, *outputs])}" if outputs else "logits alone"
    return (
        f"{entry.title} takes {name!r}, but {network.title} returns {had}. Return {{{LOGITS!r}: …, {key!r}: …}} from "
        f"its forward(), or choose another {entry.kind}: zoo list {entry.kind}"
    )
