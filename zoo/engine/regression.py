"""The regression task: one or several values for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.engine.links import QuantileLink, link_of
from zoo.engine.scores import Numbers
from zoo.engine.task_protocol import Mistakes, TaskName, WithoutThresholds

__all__ = ["RegressionTask"]


class RegressionTask(WithoutThresholds):
    """Values, standardised for the network by the mean and the standard deviation of the training targets.

    Args:
        mean, std: of each of the K values, in their own units; 0 and 1 where empty.
        link: how the loss has the outputs read; by default an output is a value.
    """

    name: TaskName = "regression"
    multilabel: bool = False
    classifies: bool = False
    independent: bool = True
    epoch_score: str = "mae"
    scalars: tuple[str, ...] = ("loss", "mae", "rmse", "r2", "spearman")
    higher: tuple[str, ...] = ("r2", "spearman")

    def __init__(
        self, mean: Sequence[float] = (0.0,), std: Sequence[float] = (1.0,), link: Mapping[str, Any] | None = None
    ):
        self.means, self.stds = list(mean), list(std)
        self._said, self.link = link, link_of(link)

    def fitted(self, labels: Any) -> RegressionTask:
        """Return the task with the scale of training labels (N, K); a value that never varies keeps its own."""
        known = np.asarray(labels, np.float64)
        std = known.std(axis=0)
        return RegressionTask(known.mean(axis=0).tolist(), np.where(std > 0, std, 1.0).tolist(), self._said)

    def width(self, count: int) -> int:
        return self.link.width(count)

    def card(self) -> Mapping[str, Any]:
        linked = {} if self._said is None else {"link": dict(self._said)}
        return {"mean": self.means, "std": self.stds, **linked}

    def standardise(self, values: Any) -> Any:
        like = values.new_tensor if isinstance(values, Tensor) else np.array
        return (values - like(self.means)) / like(self.stds)

    def read(self, outputs: Tensor) -> Tensor:
        return self.read_targets(self.link.read(outputs))

    def read_targets(self, targets: Tensor) -> Tensor:
        wide = targets if targets.device.type == "mps" else targets.double()  # else whole numbers become 3.0000002
        return (wide * wide.new_tensor(self.stds) + wide.new_tensor(self.means)).to(targets.dtype)

    def read_labels(self, targets: Tensor) -> Tensor:
        return self.read_targets(targets).cpu().double()

    def ends(self, outputs: Tensor) -> tuple[Tensor, Tensor] | None:
        """Lowest and highest quantile (N, K) each, in the unit of the data; None where the loss has none."""
        if not isinstance(self.link, QuantileLink):
            return None
        low, high = self.link.ends(outputs)
        return self.read_targets(low), self.read_targets(high)

    def mean(self, each: Sequence[Tensor]) -> Tensor:
        return torch.stack([one.float() for one in each]).mean(dim=0)

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits

    def batch_sum(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (self.read(outputs) - self.read_targets(targets)).abs().mean(dim=1).sum()

    def numbers(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Numbers:
        """``mae``, ``rmse``, ``r2`` and ``spearman``, each the mean over the values, and ``per_output``."""
        each = {
            name: value_scores(logits[:, i].cpu().double(), targets[:, i].cpu().double())
            for i, name in enumerate(classes)
        }
        found = {name: sum(one[name] for one in each.values()) / len(each) for name in self.scalars[1:]}
        return {**found, "per_output": each}

    def baseline(self, targets: Tensor, classes: Sequence[str]) -> Numbers:
        """Scores of the median of these images: ``answer`` (a number, or a list), ``mae`` and ``rmse``."""
        values = targets.cpu().double()
        answer = values.quantile(0.5, dim=0)
        errors = values - answer
        said = answer.tolist()
        return {
            "answer": said if len(said) > 1 else said[0],
            "mae": float(errors.abs().mean()),
            "rmse": float(errors.square().mean(dim=0).sqrt().mean()),
        }

    def mistakes(
        self, logits: Tensor, targets: Tensor, names: Sequence[str], classes: Sequence[str], most: int
    ) -> Mistakes:
        """Largest errors, relative to the spread of each value; of each image the value with the largest."""
        values, real = logits.cpu().double(), targets.cpu().double()
        errors = values - real
        worst, which = (errors.abs() / torch.tensor(self.stds, dtype=torch.float64)).max(dim=1)
        order = worst.argsort(descending=True, stable=True)[:most].tolist()
        return [
            {
                "name": str(names[i]),
                "true": float(real[i, which[i]]),
                "predicted": float(values[i, which[i]]),
                "error": float(errors[i, which[i]]),
                **({"wrong": classes[int(which[i])]} if len(classes) > 1 else {}),
            }
            for i in order
        ]


def value_scores(values: Tensor, targets: Tensor) -> dict[str, float]:
    """Mean absolute error, root mean squared error, R² and Spearman's rank correlation.

    R² and the correlation are 0 where the targets, or the values, never vary.

    Args:
        values, targets: (N,) float64, in the same unit.
    """
    errors, spread = values - targets, (targets - targets.mean()).square().sum()
    r2 = 1 - errors.square().sum() / spread if spread > 0 else torch.zeros(())
    return {
        "mae": float(errors.abs().mean()),
        "rmse": float(errors.square().mean().sqrt()),
        "r2": float(r2),
        "spearman": _correlation(_ranks(values), _ranks(targets)),
    }


def _ranks(values: Tensor) -> Tensor:
    """Ranks of values (N,), with the mean rank for ties; scipy.stats, which has them, takes two seconds to import."""
    _, inverse, counts = torch.unique(values, return_inverse=True, return_counts=True)
    middles: Tensor = counts.cumsum(0).double() - (counts.double() - 1) / 2
    return middles[inverse]


def _correlation(one: Tensor, other: Tensor) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = (one.square().sum() * other.square().sum()).sqrt()
    return float((one * other).sum() / scale) if scale > 0 else 0.0
