"""Accuracy, precision, recall and F1 from a confusion matrix: pure functions on counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Numbers = dict[str, Any]
"""Name -> a number, the numbers of each class, or a matrix: the entries of an evaluation."""


def confusion_matrix(targets: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """Counts (K, K): rows are true classes, columns predicted ones.

    Args:
        targets, predicted: (N,) int64 in 0..K-1.
    """
    cells = torch.bincount(targets * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def scores(matrix: Tensor, classes: Sequence[str]) -> Numbers:
    """The numbers that a result holds, from counts.

    A class without images has no recall, and one that is never predicted either no precision and no F1: they are None,
    and the macro mean leaves the class out, as in scikit-learn with the labels that occur. Of a class with images
    precision without predictions is 0.
    """
    counts = matrix.double()
    hits, support, guesses = counts.diag(), counts.sum(dim=1), counts.sum(dim=0)
    return {
        "accuracy": float(hits.sum() / counts.sum()),
        **class_scores(hits, support, guesses, classes),
        "confusion_matrix": matrix.tolist(),
    }


def class_scores(hits: Tensor, support: Tensor, guesses: Tensor, classes: Sequence[str]) -> Numbers:
    """F1 macro and micro, and each class's numbers.

    Args:
        hits, support, guesses: (K,) float64: how often a class was rightly given, was there, and was given.
    """
    precision, recall, f1 = ratio(hits, guesses), ratio(hits, support), ratio(2 * hits, support + guesses)
    occurring = (support + guesses) > 0
    return {
        "f1_macro": float(f1[occurring].mean()) if occurring.any() else 0.0,
        "f1_micro": float(ratio(2 * hits.sum(), (support + guesses).sum())),
        "per_class": {
            name: {
                "precision": float(precision[i]) if occurring[i] else None,
                "recall": float(recall[i]) if support[i] else None,
                "f1": float(f1[i]) if occurring[i] else None,
                "support": int(support[i]),
            }
            for i, name in enumerate(classes)
        },
    }


def ratio(above: Tensor, below: Tensor) -> Tensor:
    """Quotient of counts; nothing of nothing is 0."""
    return torch.where(below > 0, above / below.clamp(min=1), torch.zeros_like(above))
