"""The ordinal task: classes in an order, with errors measured in ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.engine.classification import SingleLabel
from zoo.engine.links import link_of
from zoo.engine.ordinal_scores import mean_rank_error, quadratic_weighted_kappa
from zoo.engine.scores import Numbers
from zoo.engine.task_protocol import TaskName

__all__ = ["OrdinalTask"]


class OrdinalTask(SingleLabel):
    """Classification into ordered classes: the most probable class, and how many ranks it is off.

    Args:
        link: how the loss has the outputs read; by default an output is the logit of a class.
    """

    name: TaskName = "ordinal"
    scalars: tuple[str, ...] = (*SingleLabel.scalars, "mae_ranks", "qwk")
    higher: tuple[str, ...] = (*SingleLabel.higher, "qwk")

    def __init__(self, link: Mapping[str, Any] | None = None):
        self._said, self._link = link, link_of(link)

    def width(self, count: int) -> int:
        return self._link.width(count)

    def card(self) -> Mapping[str, Any]:
        return {} if self._said is None else {"link": dict(self._said)}

    def read(self, outputs: Tensor) -> Tensor:
        return self._link.read(outputs)

    def mean(self, each: Sequence[Tensor]) -> Tensor:
        return super().mean(each) if self._said is None else torch.stack([one.float() for one in each]).mean(dim=0)

    def numbers(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Numbers:
        found = super().numbers(logits, targets, classes)
        matrix = torch.tensor(found["confusion_matrix"])
        return {**found, "mae_ranks": mean_rank_error(matrix), "qwk": quadratic_weighted_kappa(matrix)}

    def baseline(self, targets: Tensor, classes: Sequence[str]) -> Numbers:
        """Scores of the most frequent class, and ``mae_ranks`` of the median class."""
        ranks = targets.cpu()
        return {
            **super().baseline(targets, classes),
            "mae_ranks": float((ranks - ranks.median()).abs().double().mean()),
        }
