"""Exact average precision. Imported when it is asked for, as torchmetrics takes a while."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_average_precision
from torchmetrics.utilities import dim_zero_cat

__all__ = ["MeanAveragePrecision"]


class MeanAveragePrecision(Metric):
    """Average precision of each class against all others, and the mean over the classes that have images.

    It keeps all answers and ranks them at the end. torchmetrics' own for several classes are not used: they guess batch
    by batch whether they were given probabilities.

    Args:
        num_classes: K.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    answers: list[Tensor]
    targets: list[Tensor]

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.add_state("answers", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, answers: Tensor, targets: Tensor) -> None:
        """Keep a batch: logits (N, K) and targets (N,) int64, or probabilities (N, K) and targets (N, K) int64."""
        self.answers.append(answers)
        self.targets.append(targets)

    def compute(self) -> Tensor:
        """Scalar in 0..1, or NaN."""
        if len(self.answers) == 0:
            return torch.tensor(torch.nan, device=self.device)
        answers, targets = dim_zero_cat(self.answers), dim_zero_cat(self.targets)
        if targets.ndim == 1:
            # In float64 (Metal has none) confident samples keep their order: in float32 a probability is 1 from 17 on.
            answers = answers.softmax(1, dtype=torch.float32 if answers.device.type == "mps" else torch.float64)
            targets = torch.nn.functional.one_hot(targets, self.num_classes)
        known = [k for k in range(self.num_classes) if targets[:, k].any()]
        found = [binary_average_precision(answers[:, k], targets[:, k].long()) for k in known]
        return torch.stack(found).mean().float() if found else torch.tensor(torch.nan, device=answers.device)
