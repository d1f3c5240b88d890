"""The classification task, single-label or multi-label, and all that depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from zoo.engine.multilabel import average_precisions, best_thresholds, label_counts, label_scores
from zoo.engine.scores import Numbers, confusion_matrix, scores

__all__ = ["MULTI_LABEL", "SINGLE_LABEL", "Task", "task_named", "task_of"]

Mistakes = list[dict[str, Any]]
"""Wrong answers: the image's name, its true and its predicted label, and the confidence."""


class Task(Protocol):
    """Interpretation and scoring of logits (N, K).

    Args:
        name: name of the task in bundles.
        multilabel: an image may have any number of classes; its targets are then (N, K) of 0 and 1.
        scalars: names of the numbers in every evaluation.
        higher: those of ``scalars`` for which higher is better.
    """

    name: str
    multilabel: bool
    scalars: tuple[str, ...]
    higher: tuple[str, ...]

    def probabilities(self, logits: Tensor) -> Tensor:
        """Convert logits to probabilities, (N, K) in 0..1."""

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Count the correct predictions of a batch, a scalar; soft targets count as their largest class."""

    def numbers(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Numbers:
        """Compute every number of an evaluation except the loss."""

    def thresholds(self, logits: Tensor, targets: Tensor) -> list[float] | None:
        """Choose a decision threshold for each class on these images; None for single-label tasks."""

    def at_thresholds(
        self, logits: Tensor, targets: Tensor, classes: Sequence[str], thresholds: Sequence[float]
    ) -> Numbers:
        """Compute the numbers that depend on the thresholds."""

    def mistakes(
        self, logits: Tensor, targets: Tensor, names: Sequence[str], classes: Sequence[str], most: int
    ) -> Mistakes:
        """Most confident mistakes, in descending order of confidence."""


class _SingleLabel:
    """Single-label classification: softmax and argmax."""

    name: str = "single-label"
    multilabel: bool = False
    scalars: tuple[str, ...] = ("loss", "accuracy", "f1_macro", "f1_micro")
    higher: tuple[str, ...] = ("accuracy", "f1_macro", "f1_micro")

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=1)

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        hard = targets if targets.ndim == 1 else targets.argmax(dim=1)
        return (logits.argmax(dim=1) == hard).sum()

    def numbers(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Numbers:
        predicted = logits.argmax(dim=1)
        return scores(confusion_matrix(targets.cpu(), predicted.cpu(), len(classes)), classes)

    def thresholds(self, logits: Tensor, targets: Tensor) -> list[float] | None:
        return None

    def at_thresholds(
        self, logits: Tensor, targets: Tensor, classes: Sequence[str], thresholds: Sequence[float]
    ) -> Numbers:
        return {}

    def mistakes(
        self, logits: Tensor, targets: Tensor, names: Sequence[str], classes: Sequence[str], most: int
    ) -> Mistakes:
        confidences, predicted = logits.softmax(dim=1).max(dim=1)
        wrong = torch.nonzero(predicted != targets).flatten()
        order = wrong[confidences[wrong].argsort(descending=True, stable=True)][:most].tolist()
        return [
            {
                "name": str(names[i]),
                "true": classes[int(targets[i])],
                "predicted": classes[int(predicted[i])],
                "confidence": float(confidences[i]),
            }
            for i in order
        ]


class _MultiLabel:
    """Multi-label classification: sigmoid and a threshold for each class, 0.5 by default."""

    name: str = "multi-label"
    multilabel: bool = True
    scalars: tuple[str, ...] = ("loss", "accuracy", "f1_macro", "f1_micro", "hamming_loss", "mean_average_precision")
    higher: tuple[str, ...] = ("accuracy", "f1_macro", "f1_micro", "mean_average_precision")

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def correct(self, logits: Tensor, targets: Tensor) -> Tensor:
        return ((logits >= 0) == (targets >= 0.5)).all(dim=1).sum()

    def numbers(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Numbers:
        found = self.at_thresholds(logits, targets, classes, [0.5] * len(classes))
        precisions = average_precisions(logits.cpu().double(), targets.cpu() >= 0.5)
        for name, value in zip(classes, precisions.tolist(), strict=True):
            found["per_class"][name]["average_precision"] = value
        return {**found, "mean_average_precision": float(precisions.nanmean())}

    def thresholds(self, logits: Tensor, targets: Tensor) -> list[float] | None:
        return best_thresholds(self._probabilities(logits), targets.cpu() >= 0.5)

    def at_thresholds(
        self, logits: Tensor, targets: Tensor, classes: Sequence[str], thresholds: Sequence[float]
    ) -> Numbers:
        real = targets.cpu() >= 0.5
        given = self._probabilities(logits) >= torch.tensor(thresholds, dtype=torch.float64)
        exact = (real == given).all(dim=1).double().mean()
        return {"accuracy": float(exact), **label_scores(label_counts(real, given), classes)}

    def _probabilities(self, logits: Tensor) -> Tensor:
        return self.probabilities(logits.cpu()).double()

    def mistakes(
        self, logits: Tensor, targets: Tensor, names: Sequence[str], classes: Sequence[str], most: int
    ) -> Mistakes:
        """Most confident mistakes; of each image the label with the largest error, predicted or missed."""
        probs, real = self._probabilities(logits), targets.cpu() >= 0.5
        given = probs >= 0.5
        doubt = torch.where(given != real, (probs - real.double()).abs(), -1.0)
        worst, label = doubt.max(dim=1)
        wrong = torch.nonzero(worst >= 0).flatten()
        order = wrong[worst[wrong].argsort(descending=True, stable=True)][:most].tolist()
        return [
            {
                "name": str(names[i]),
                "true": _names(real[i], classes),
                "predicted": _names(given[i], classes),
                "wrong": classes[int(label[i])],
                "confidence": float(worst[i]),
            }
            for i in order
        ]


def _names(row: Tensor, classes: Sequence[str]) -> list[str]:
    return [name for name, has in zip(classes, row.tolist(), strict=True) if has]


SINGLE_LABEL: Task = _SingleLabel()
MULTI_LABEL: Task = _MultiLabel()


def task_named(name: str) -> Task:
    """Look a task up by its name in a bundle."""
    return MULTI_LABEL if name == MULTI_LABEL.name else SINGLE_LABEL


def task_of(labels: Any) -> Task:
    """Task of a split's labels: (N,) are class indices, (N, K) are binary labels of every class."""
    return MULTI_LABEL if labels.ndim == 2 else SINGLE_LABEL
