"""Accuracy, precision, recall and F1 from a confusion matrix: pure functions on counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Numbers = dict[str, Any]
"""Name -> a number, the numbers of each class, or a matrix: the entries of an evaluation."""


def confusion_matrix(targets: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """Confusion matrix of counts (K, K) int64: rows are true classes, columns predicted ones.

    Args:
        targets, predicted: (N,) int64 in 0..K-1.
    """
    cells = torch.bincount(targets * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def scores(matrix: Tensor, classes: Sequence[str]) -> Numbers:
    """Classification scores from a confusion matrix.

    A class without images has a recall of None; one that is never predicted either has precision and F1 of None and is
    left out of the macro mean, as in scikit-learn with the occurring labels. The precision of a class with images but
    no predictions is 0.
    """
    counts = matrix.double()
    hits, support, guesses = counts.diag(), counts.sum(dim=1), counts.sum(dim=0)
    return {
        "accuracy": float(hits.sum() / counts.sum()),
        **class_scores(hits, support, guesses, classes),
        "confusion_matrix": matrix.tolist(),
    }


def class_scores(hits: Tensor, support: Tensor, guesses: Tensor, classes: Sequence[str]) -> Numbers:
    """Macro F1, micro F1 and the scores of each class.

    Args:
        hits, support, guesses: (K,) float64: true positives, images and predictions of each class.
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
    """Elementwise quotient of counts; 0 where the divisor is 0."""
    return torch.where(below > 0, above / below.clamp(min=1), torch.zeros_like(above))
