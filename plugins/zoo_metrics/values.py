"""Metrics of values: predictions and targets (N, K) in the data's own units, the mean over the K values.

They store all values and compute with torchmetrics' functions in float64 at the end, so that the result doesn't depend
on the batch sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional import regression as functions
from torchmetrics.utilities import dim_zero_cat

__all__ = ["ValuesMetric"]


def _rmse(predictions: Tensor, targets: Tensor) -> Tensor:
    return functions.mean_squared_error(predictions, targets, squared=False)


ERRORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mae": functions.mean_absolute_error,
    "rmse": _rmse,
    "mape": functions.mean_absolute_percentage_error,
}
OF_SPREAD: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "r2": functions.r2_score,
    "explained_variance": functions.explained_variance,
    "pearson": functions.pearson_corrcoef,
    "spearman": functions.spearman_corrcoef,
    "concordance": functions.concordance_corrcoef,
}
"""Those that compare with the spread of the values: 0 where predictions or targets never vary."""


class ValuesMetric(Metric):
    """A metric of all values at once.

    Args:
        name: key of :data:`ERRORS` or :data:`OF_SPREAD`.
        count: K.
    """

    is_differentiable = False
    full_state_update = False
    predictions: list[Tensor]
    targets: list[Tensor]

    def __init__(self, name: str, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name, self.count = name, count
        self.add_state("predictions", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add a batch: predictions and targets (N, K) float.

        Raises:
            ValueError: a shape is not (N, K).
        """
        if predictions.ndim != 2 or predictions.shape[1] != self.count or targets.shape != predictions.shape:
            raise ValueError(
                f"predictions have shape {tuple(predictions.shape)} and targets {tuple(targets.shape)}; both must be "
                f"(N, {self.count})"
            )
        self.predictions.append(predictions.detach().float())
        self.targets.append(targets.float())

    def compute(self) -> Tensor:
        """Compute the mean over the K values, a scalar; NaN without images."""
        if len(self.predictions) == 0:
            return torch.tensor(torch.nan, device=self.device)
        both = [dim_zero_cat(each).cpu().double() for each in (self.predictions, self.targets)]
        found = [self._of(predictions, targets) for predictions, targets in zip(*(x.T for x in both), strict=True)]
        return torch.tensor(found, device=self.device).mean()

    def _of(self, predictions: Tensor, targets: Tensor) -> float:
        if self.name in ERRORS:
            return float(ERRORS[self.name](predictions, targets))
        moving = [targets] if self.name in ("r2", "explained_variance") else [predictions, targets]
        if any(bool((each == each[0]).all()) for each in moving):
            return 0.0
        return float(OF_SPREAD[self.name](predictions, targets))
