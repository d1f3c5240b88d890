"""Weights of several runs: whether they can be averaged, their mean, and the statistics of its batch norms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import RequestError
from zoo_merge.members import Member

__all__ = ["Weights", "average_weights", "check_architectures", "check_beginnings", "has_norms", "recalibrate_norms"]

Weights = Mapping[str, Tensor]
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def check_architectures(members: Sequence[Member]) -> None:
    """Check that all runs have the same network and the same input.

    Raises:
        RequestError: they don't.
    """
    first, *others = members
    for other in others:
        pair = f"{first.name} and {other.name}"
        if other.architecture != first.architecture or other.params != first.params:
            what = "architectures" if other.architecture != first.architecture else "parameters of the architecture"
            raise RequestError(
                f"{pair} have different {what}, and only weights of one network can be averaged. Average their "
                "predictions: --as ensemble"
            )
        for name in ("mean", "std"):
            mine, theirs = (each.card["preprocessing"][name] for each in (first, other))
            if mine != theirs:
                raise RequestError(
                    f"{pair} take differently normalised images: {name} is {mine} and {theirs}. Average their "
                    "predictions: --as ensemble"
                )
        if other.classes != first.classes:
            what = "values" if other.task == "regression" else "classes"
            raise RequestError(
                f"The outputs of {pair} have different orders of the {what}. Average their predictions: --as ensemble"
            )
        if other.outputs != first.outputs:
            raise RequestError(
                f"The values of {pair} were standardised by different training images, and only weights for one scale "
                "can be averaged. Average their predictions: --as ensemble"
            )


def check_beginnings(members: Sequence[Member]) -> None:
    """Check that the training of all runs began with the same weights.

    Raises:
        RequestError: it didn't.
    """
    first, *others = members
    for other in others:
        if _beginning(first) != _beginning(other):
            raise RequestError(
                f"{first.name} began with {_said(first)}, {other.name} with {_said(other)}. The mean of weights that "
                "did not begin as the same ones is a network of chance level. Begin both with the same ones "
                "(--pretrained, or --weights FILE), average their predictions (--as ensemble), or try it with "
                "--force: the greedy choice then keeps what helps."
            )


def _beginning(member: Member) -> tuple[str, Any]:
    weights = member.result.model.weights
    found = {} if weights is None else weights.document()
    if "sha256" in found:
        return "file", found["sha256"]
    return ("pretrained", True) if found.get("pretrained") else ("seed", member.job.get("seed"))


def _said(member: Member) -> str:
    kind, value = _beginning(member)
    if kind == "file":
        return f"the weights {value[:12]} (SHA-256)"
    return "the pretrained weights" if kind == "pretrained" else f"the random weights of seed {value}"


def average_weights(several: Sequence[Weights]) -> dict[str, Tensor]:
    """Mean of the weights of networks of one architecture, computed in float64; counters are the first network's."""
    first, *others = several
    return {name: _mean([value, *(other[name] for other in others)]) for name, value in first.items()}


def _mean(values: Sequence[Tensor]) -> Tensor:
    if not values[0].is_floating_point():
        return values[0].clone()
    return torch.stack([value.double() for value in values]).mean(dim=0).to(values[0].dtype)


def has_norms(model: nn.Module) -> bool:
    """Check that a network has batch norms with statistics."""
    return bool(_norms(model))


def recalibrate_norms(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Compute the statistics of batch norms again, as their mean over batches; all else is as in evaluation.

    Source: P. Izmailov et al., Averaging weights leads to wider optima, UAI 2018, arXiv:1803.05407, section 3.2.
    """
    norms = _norms(model)
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the cumulative mean
        norm.train()
    with torch.no_grad():
        for images, _ in batches:
            model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def _norms(model: nn.Module) -> list[Any]:
    return [each for each in model.modules() if isinstance(each, _NORMS) and each.track_running_stats]
