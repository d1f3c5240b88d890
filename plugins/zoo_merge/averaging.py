"""The average of several models' predictions, as logits of one model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = ["AVERAGES", "Average", "averaged"]

Average = Literal["softmax", "sigmoid", "outputs"]

AVERAGES: dict[str, Average] = {"single-label": "softmax", "multi-label": "sigmoid", "ordinal": "softmax"}
"""The average for each task that runs can be merged of, by its name in zoo.json."""


def averaged(logits: Sequence[Tensor], how: Average) -> Tensor:
    """Average the predictions of M models.

    Args:
        logits: of each model, (N, K) float.
        how: ``softmax``: the mean probability of exclusive classes; ``sigmoid``: the mean probability of each label;
            ``outputs``: the mean of the outputs themselves.

    Returns:
        Logits (N, K) float32, whose softmax or sigmoid is the mean probability.
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


def _log_mean(logs: Sequence[Tensor]) -> Tensor:
    """Logarithm of the mean of numbers given by their logarithms."""
    return torch.stack(list(logs)).logsumexp(dim=0) - math.log(len(logs))


_FUNCTIONS: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "softmax": _softmax,
    "sigmoid": _sigmoid,
    "outputs": _outputs,
}
