"""The average of several models' predictions, as outputs of one model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = ["LINKED", "Average", "average_of", "averaged"]

Average = Literal["softmax", "sigmoid", "outputs", "corn", "cumulative"]

LINKED: tuple[Average, ...] = ("corn", "cumulative")
"""Averages of ranks whose outputs are K - 1 conditional or cumulative logits."""
_AVERAGES: dict[str, Average] = {"multi-label": "sigmoid", "regression": "outputs"}


def average_of(task: str, link: Mapping[str, Any] | None) -> Average:
    """The average for runs of a task.

    Args:
        task: its name in zoo.json.
        link: how the outputs are read, as zoo.json has it under ``outputs``.
    """
    kind = (link or {}).get("kind")
    return next((each for each in LINKED if each == kind), _AVERAGES.get(task, "softmax"))


def averaged(logits: Sequence[Tensor], how: Average) -> Tensor:
    """Average the predictions of M models.

    Args:
        logits: of each model, (N, K) float.
        how: ``softmax``: the mean probability of exclusive classes; ``sigmoid``: the mean probability of each label;
            ``outputs``: the mean of the outputs themselves; ``corn``, ``cumulative``: the mean probability of ranks.

    Returns:
        Logits (N, K) float32, whose softmax or sigmoid is the mean probability; of ``corn`` and ``cumulative`` the
        outputs (N, K - 1) that a loss of this link gives the mean probability.
    """
    return _FUNCTIONS[how]([each.float() for each in logits])


def _softmax(logits: Sequence[Tensor]) -> Tensor:
    """Logarithm of the mean probability, plus the mean energy of the models.

    A softmax is the same with any constant added to the logits of an image. The energy (the logsumexp of the logits) of
    the log-probabilities themselves is 0 for every image, so unfamiliar images could not be recognised.
    """
    probable = _log_mean([each.log_softmax(dim=1) for each in logits])
    return probable + torch.stack([_energy(each) for each in logits]).mean(dim=0)


def _energy(logits: Tensor) -> Tensor:
    """Energy of each image, (N, 1); of two classes over the mean logit, as one of them may always be 0."""
    centre = logits.mean(dim=1, keepdim=True) if logits.shape[1] == 2 else 0.0
    return (logits - centre).logsumexp(dim=1, keepdim=True)


def _sigmoid(logits: Sequence[Tensor]) -> Tensor:
    """Logit of the mean probability of each label."""
    return _log_mean([logsigmoid(each) for each in logits]) - _log_mean([logsigmoid(-each) for each in logits])


def _outputs(logits: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(logits)).mean(dim=0)


def _corn(logits: Sequence[Tensor]) -> Tensor:
    """Logit of P(rank > k) given that it is at least k."""
    logs = _log_mean([each.log_softmax(dim=1) for each in logits])
    return _above(logs) - logs[:, :-1]


def _cumulative(logits: Sequence[Tensor]) -> Tensor:
    """Logit of P(rank > k)."""
    logs = _log_mean([each.log_softmax(dim=1) for each in logits])
    return _above(logs) - _above(logs.flip(1)).flip(1)


def _above(logs: Tensor) -> Tensor:
    """log P(rank > k) of log-probabilities (N, K), for k = 0 to K - 2."""
    return torch.stack([logs[:, k:].logsumexp(dim=1) for k in range(1, logs.shape[1])], dim=1)


def _log_mean(logs: Sequence[Tensor]) -> Tensor:
    """Logarithm of the mean of numbers given by their logarithms."""
    return torch.stack(list(logs)).logsumexp(dim=0) - math.log(len(logs))


_FUNCTIONS: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "softmax": _softmax,
    "sigmoid": _sigmoid,
    "outputs": _outputs,
    "corn": _corn,
    "cumulative": _cumulative,
}
