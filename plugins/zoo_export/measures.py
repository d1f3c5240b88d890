"""How the answers of an exported artifact are compared with the model's, and scored: decisions, or values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from zoo.api.models import Classifier

__all__ = ["TOLERANCE", "DecisionMeasure", "Measure", "ValueMeasure", "measure_of"]

TOLERANCE = 1e-3
"""Tolerance of float32 probabilities, and of values in standard deviations: other runtimes sum in another order."""

Comparison = dict[str, Any]


class Measure(Protocol):
    """Comparison and score of answers (N, K).

    Args:
        score: name of the score.
    """

    score: str

    def compare(self, wanted: Tensor, found: Tensor) -> Comparison:
        """Compare two sets of answers: ``images``, ``largest_difference`` and, of classes, ``disagreements``."""

    def difference(self, compared: Mapping[str, Any]) -> str | None:
        """Describe a difference that float32 does not explain; None without one."""

    def scored(self, answers: Tensor, labels: Any) -> float:
        """Score of the answers to images with these labels."""

    def loss(self, before: Tensor, after: Tensor, labels: Any) -> float:
        """How much worse the answers ``after`` are than those ``before``."""

    def lossy(self, scores: Mapping[str, float], loss: float, images: int) -> str:
        """Describe a loss on so many images: ``scores`` has ``before`` and ``after``."""


class DecisionMeasure:
    """Probabilities, which lead to a class, or to several for multi-label models."""

    score = "accuracy"

    def __init__(self, classifier: Classifier):
        self._multilabel = classifier.task.multilabel
        self._thresholds = torch.tensor(classifier.card.get("thresholds") or [0.5] * len(classifier.classes))

    def decide(self, probs: Tensor) -> Tensor:
        """Decisions from probabilities (N, K): class indices (N,), or bool (N, K) for multi-label models."""
        return probs >= self._thresholds if self._multilabel else probs.argmax(1)

    def compare(self, wanted: Tensor, found: Tensor) -> Comparison:
        differs = self.decide(wanted) != self.decide(found)
        return {
            "images": len(wanted),
            "disagreements": int((differs if differs.ndim == 1 else differs.any(1)).sum()),
            "largest_difference": float((wanted - found).abs().max()),
        }

    def difference(self, compared: Mapping[str, Any]) -> str | None:
        if not compared["disagreements"] and compared["largest_difference"] < TOLERANCE:  # False for NaN
            return None
        return (
            f"it differs from the model on {compared['disagreements']:,} of {compared['images']:,} validation images, "
            f"with probabilities off by up to {compared['largest_difference']:.2g} (allowed: 0, and less than "
            f"{TOLERANCE:g})"
        )

    def scored(self, answers: Tensor, labels: Any) -> float:
        """Fraction of correctly classified images; multi-label images need all labels correct."""
        known, decided = torch.from_numpy(np.asarray(labels)), self.decide(answers)
        right = decided == known if decided.ndim == 1 else (decided == (known >= 0.5)).all(1)
        return float(right.double().mean())

    def loss(self, before: Tensor, after: Tensor, labels: Any) -> float:
        return self.scored(before, labels) - self.scored(after, labels)

    def lossy(self, scores: Mapping[str, float], loss: float, images: int) -> str:
        return (
            f"its accuracy on the {images:,} validation images is {scores['after']:.1%}, in float32 "
            f"{scores['before']:.1%}: the loss is {loss:.4f}"
        )


class ValueMeasure:
    """Values of a regression; their differences are in standard deviations of the training values."""

    score = "mae"

    def __init__(self, classifier: Classifier):
        self._stds = torch.tensor(classifier.task.card()["std"], dtype=torch.float64)

    def compare(self, wanted: Tensor, found: Tensor) -> Comparison:
        apart = (wanted.double() - found.double()).abs() / self._stds
        return {"images": len(wanted), "largest_difference": float(apart.max()), "unit": "standard deviations"}

    def difference(self, compared: Mapping[str, Any]) -> str | None:
        if compared["largest_difference"] < TOLERANCE:  # False for NaN
            return None
        return (
            f"it differs from the model on the {compared['images']:,} validation images, with values off by up to "
            f"{compared['largest_difference']:.2g} standard deviations (allowed: less than {TOLERANCE:g})"
        )

    def scored(self, answers: Tensor, labels: Any) -> float:
        """Mean absolute error, in the unit of the values; of several values the mean of theirs."""
        return float(self._errors(answers, labels).mean())

    def loss(self, before: Tensor, after: Tensor, labels: Any) -> float:
        """Increase of the mean absolute error, in standard deviations."""
        errors = self._errors(after, labels) - self._errors(before, labels)
        return float((errors.mean(dim=0) / self._stds).mean())

    def lossy(self, scores: Mapping[str, float], loss: float, images: int) -> str:
        return (
            f"its mean absolute error on the {images:,} validation images is {scores['after']:.4g}, in float32 "
            f"{scores['before']:.4g}: the loss is {loss:.4f} standard deviations"
        )

    @staticmethod
    def _errors(answers: Tensor, labels: Any) -> Tensor:
        return (answers.double() - torch.from_numpy(np.asarray(labels, np.float64))).abs()


def measure_of(classifier: Classifier) -> Measure:
    """The measure of a model's task."""
    return DecisionMeasure(classifier) if classifier.task.classifies else ValueMeasure(classifier)
