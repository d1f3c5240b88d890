"""Exact one-vs-rest AUROC, in a separate module since torchmetrics is slow to import."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_auroc
from torchmetrics.utilities import dim_zero_cat

__all__ = ["MacroAUROC"]


class MacroAUROC(Metric):
    """Area under the ROC curve: of class 1's probability for two classes, else the mean over one-vs-rest curves.

    It stores the logits of all samples and ranks them at the end. torchmetrics' MulticlassAUROC is not used, since it
    guesses for each batch from the range 0..1 if inputs are probabilities, and counts a class that never occurs as 0.
    Here a class without positives, or without negatives, has no curve and is left out; when none has one, the value is
    NaN.

    Args:
        num_classes: at least 2.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    logits: list[Tensor]
    targets: list[Tensor]

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.add_state("logits", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch: logits (N, K) float, targets (N,) int64."""
        self.logits.append(logits.float())
        self.targets.append(targets)

    def compute(self) -> Tensor:
        """Compute the area, a scalar in 0..1, or NaN."""
        if len(self.logits) == 0:
            return torch.tensor(torch.nan, device=self.device)
        logits, targets = dim_zero_cat(self.logits), dim_zero_cat(self.targets)
        # float64 (absent on Metal) preserves the order of confident samples: in float32 they saturate at 1.
        probs = logits.softmax(1, dtype=torch.float32 if logits.device.type == "mps" else torch.float64)
        counts = targets.bincount(minlength=self.num_classes).tolist()
        classes = [1] if self.num_classes == 2 else range(self.num_classes)
        areas = [binary_auroc(probs[:, k], (targets == k).long()) for k in classes if 0 < counts[k] < len(targets)]
        return torch.stack(areas).mean().float() if areas else torch.tensor(torch.nan, device=probs.device)
