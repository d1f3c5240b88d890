"""Exact average precision, in a separate module since torchmetrics is slow to import."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_average_precision
from torchmetrics.utilities import dim_zero_cat

__all__ = ["MeanAveragePrecision"]


class MeanAveragePrecision(Metric):
    """Mean one-vs-rest average precision over the classes that have images.

    It stores all scores and ranks them at the end. torchmetrics' multi-class versions are not used, since they guess
    for each batch if inputs are probabilities.

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
        """Add a batch: logits (N, K) and targets (N,) int64, or probabilities (N, K) and targets (N, K) int64."""
        self.answers.append(answers)
        self.targets.append(targets)

    def compute(self) -> Tensor:
        """Compute the mean average precision, a scalar in 0..1, or NaN."""
        if len(self.answers) == 0:
            return torch.tensor(torch.nan, device=self.device)
        answers, targets = dim_zero_cat(self.answers), dim_zero_cat(self.targets)
        if targets.ndim == 1:
            # float64 (absent on Metal) preserves the order of confident samples: in float32 they saturate at 1.
            answers = answers.softmax(1, dtype=torch.float32 if answers.device.type == "mps" else torch.float64)
            targets = torch.nn.functional.one_hot(targets, self.num_classes)
        known = [k for k in range(self.num_classes) if targets[:, k].any()]
        found = [binary_average_precision(answers[:, k], targets[:, k].long()) for k in known]
        return torch.stack(found).mean().float() if found else torch.tensor(torch.nan, device=answers.device)
