"""Classification tasks: one class for each image, or any number of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from zoo.engine.multilabel import average_precisions, best_thresholds, label_counts, label_scores
from zoo.engine.scores import Numbers, confusion_matrix, scores
from zoo.engine.task_protocol import Mistakes, TaskName, WithoutThresholds
from zoo.engine.tta import mean_logits

__all__ = ["Classification", "MultiLabel", "SingleLabel"]


class Classification:
    """Parts of a task whose outputs are the logits of its classes."""

    classifies: bool = True
    independent: bool = False
    epoch_score: str = "accuracy"

    def width(self, count: int) -> int:
        return count

    def card(self) -> Mapping[str, Any]:
        return {}

    def fitted(self, labels: Any) -> Self:
        return self

    def standardise(self, values: Any) -> Any:
        return values

    def read(self, outputs: Tensor) -> Tensor:
        return outputs

    def read_targets(self, targets: Tensor) -> Tensor:
        return targets

    def read_labels(self, targets: Tensor) -> Tensor:
        return targets


class SingleLabel(WithoutThresholds, Classification):
    """Single-label classification: softmax and argmax."""

    name: TaskName = "single-label"
    multilabel: bool = False
    scalars: tuple[str, ...] = ("loss", "accuracy", "f1_macro", "f1_micro")
    higher: tuple[str, ...] = ("accuracy", "f1_macro", "f1_micro")

    def mean(self, each: Sequence[Tensor]) -> Tensor:
        return mean_logits(each)

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=1)

    def batch_sum(self, outputs: Tensor, targets: Tensor) -> Tensor:
        logits = self.read(outputs)
        hard = targets if targets.ndim == 1 else targets.argmax(dim=1)
        return (logits.argmax(dim=1) == hard).sum()

    def numbers(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Numbers:
        predicted = logits.argmax(dim=1)
        return scores(confusion_matrix(targets.cpu(), predicted.cpu(), len(classes)), classes)

    def baseline(self, targets: Tensor, classes: Sequence[str]) -> Numbers:
        """Scores of the most frequent class: ``answer``, ``accuracy`` and ``f1_macro`` in 0..1."""
        counts = torch.bincount(targets.cpu(), minlength=len(classes))
        share, occurring = int(counts.max()) / len(targets), int((counts > 0).sum())
        f1 = 2 * share / (1 + share)  # its precision is its share, its recall 1; all other classes have 0
        return {"answer": classes[int(counts.argmax())], "accuracy": share, "f1_macro": f1 / occurring}

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


class MultiLabel(Classification):
    """Multi-label classification: sigmoid and a threshold for each class, 0.5 by default."""

    name: TaskName = "multi-label"
    multilabel: bool = True
    independent: bool = True
    scalars: tuple[str, ...] = ("loss", "accuracy", "f1_macro", "f1_micro", "hamming_loss", "mean_average_precision")
    higher: tuple[str, ...] = ("accuracy", "f1_macro", "f1_micro", "mean_average_precision")

    def mean(self, each: Sequence[Tensor]) -> Tensor:
        return mean_logits(each, multilabel=True)

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def batch_sum(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs >= 0) == (targets >= 0.5)).all(dim=1).sum()

    def baseline(self, targets: Tensor, classes: Sequence[str]) -> Numbers:
        """Scores of the most frequent set of labels: ``answer`` and ``accuracy`` in 0..1."""
        rows, numbers = np.unique((targets >= 0.5).cpu().numpy(), axis=0, return_counts=True)
        answer = _names(torch.from_numpy(rows[numbers.argmax()]), classes)
        return {"answer": answer, "accuracy": int(numbers.max()) / len(targets)}

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
