"""Intervals of a regression's values that contain the true value at a promised rate, by split conformal prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from zoo.engine.conformal import conformal_quantile, rate_of, thinned
from zoo.engine.regression import RegressionTask
from zoo.engine.scores import Numbers

__all__ = ["KEY", "Bounds", "ValueIntervals", "calibrate_values", "interval_numbers"]

KEY = "intervals"
"""Key of a card that has the scores."""
FEWEST = 20
"""Minimum number of calibration images that a model keeps scores of."""
Bounds = tuple[Tensor, Tensor]
"""Lower and upper bounds of values, (N, K) each."""


@dataclass(frozen=True)
class ValueIntervals:
    """Calibration scores of a model, as its bundle keeps them.

    Source: J. Lei et al., Distribution-free predictive inference for regression, JASA 2018, arXiv:1604.04173; of
    quantiles Y. Romano et al., Conformalized quantile regression, NeurIPS 2019, arXiv:1905.03222.

    Args:
        kind: ``absolute`` errors; or, of a network with quantiles, how far ``quantiles`` miss a value (negative where
            the value lies between them).
        images: number of calibration images.
        scores: at most a thousand of their scores for each of the K values, ascending.
    """

    kind: Literal["absolute", "quantiles"]
    images: int
    scores: list[list[float]]
    temperature: ClassVar[None] = None
    """Values have none."""

    @classmethod
    def of(cls, values: Tensor, targets: Tensor, ends: Bounds | None = None) -> ValueIntervals:
        """Calibrate on images with their values and true values (N, K), and the ends of their quantiles."""
        low, high = (values, values) if ends is None else ends
        missed = torch.maximum(low - targets, targets - high).cpu().double().numpy()
        return cls(
            "absolute" if ends is None else "quantiles",
            len(missed),
            [thinned(np.sort(column)).tolist() for column in missed.T],
        )

    def card(self) -> Mapping[str, Any]:
        """Return the scores as the dictionary that is stored in zoo.json."""
        return {KEY: vars(self)}

    def bounds(self, values: Tensor, coverage: float, ends: Bounds | None = None) -> Bounds:
        """Interval of each value.

        Args:
            values: (N, K); ends: of their quantiles, where the scores are of those.
            coverage: promised rate, 0 < coverage < 1.

        Raises:
            RequestError: the coverage needs more calibration images.
        """
        margin = values.new_tensor([conformal_quantile(column, coverage) for column in self.scores])
        low, high = (values, values) if ends is None else ends
        middle = (low + high) / 2  # where a negative margin is larger than half of the distance
        return torch.minimum(low - margin, middle), torch.maximum(high + margin, middle)


def calibrate_values(outputs: Tensor, targets: Tensor, task: RegressionTask) -> ValueIntervals | None:
    """Keep the scores of validation images for intervals.

    Args:
        outputs: raw outputs (N, M); targets: (N, K), of the loss.

    Returns:
        None for fewer than 20 images, or values that are not finite.
    """
    if len(targets) < FEWEST or not bool(torch.isfinite(outputs).all()):
        return None
    return ValueIntervals.of(task.read(outputs), task.read_targets(targets), task.ends(outputs))


def interval_numbers(bounds: Bounds, targets: Tensor, names: list[str], coverage: float) -> Numbers:
    """Verify intervals against the true values.

    Args:
        bounds, targets: (N, K) each.
        names: names of the K values.
        coverage: promised rate.

    Returns:
        ``promised``, ``images``, ``covered`` (rate), ``interval`` (95%, Wilson), ``width`` (mean), and ``per_class`` by
        name: ``images``, ``covered``, ``interval``. Of several values, ``covered`` counts each of them.
    """
    low, high = (each.cpu().double() for each in bounds)
    real = targets.cpu().double()
    slack = 1e-6 * (1 + real.abs())  # targets were float32
    hit = ((low - slack <= real) & (real <= high + slack)).numpy()
    return {
        "promised": coverage,
        **rate_of(hit.ravel()),
        "width": float((high - low).mean()),
        "per_class": {name: rate_of(hit[:, k]) for k, name in enumerate(names)},
    }
