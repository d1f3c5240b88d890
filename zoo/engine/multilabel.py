"""Multi-label classification scores from binary decisions for every class: pure functions.

    The definitions are scikit-learn's: ``multilabel_confusion_matrix``, ``hamming_loss``,
``precision_recall_fscore_support``, ``average_precision_score``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.engine.scores import Numbers, class_scores

__all__ = ["average_precisions", "best_thresholds", "label_counts", "label_scores"]


def label_counts(real: Tensor, given: Tensor) -> Tensor:
    """Multi-label confusion matrices (K, 2, 2) int64, ``[[neither, given only], [real only, both]]`` for each class.

    Args:
        real, given: (N, K) bool, true and predicted labels.
    """
    both, neither = (real & given).sum(0), (~real & ~given).sum(0)
    only_given, only_real = (~real & given).sum(0), (real & ~given).sum(0)
    return torch.stack([neither, only_given, only_real, both], dim=1).reshape(-1, 2, 2)


def label_scores(counts: Tensor, classes: Sequence[str]) -> Numbers:
    """Scores of a multi-label evaluation from its confusion matrices, (K, 2, 2).

    As in the single-label case, a class without images and predictions has precision, recall and F1 of None and is left
    out of the macro mean; precision without predictions is 0.
    """
    cells = counts.double()
    hits, support, guesses = cells[:, 1, 1], cells[:, 1].sum(1), cells[:, :, 1].sum(1)
    return {
        **class_scores(hits, support, guesses, classes),
        "hamming_loss": float((cells[:, 0, 1] + cells[:, 1, 0]).sum() / cells.sum()),
        "confusion_matrix": counts.tolist(),
    }


def average_precisions(answers: Tensor, real: Tensor) -> Tensor:
    """Average precision of each class, (K,) float64: the mean precision at the rank of each positive image.

    Ties are one step. A class without positive images has NaN.

    Args:
        answers: (N, K) float, logits or probabilities; only their order matters.
        real: (N, K) bool, true labels.
    """
    return torch.stack([_average_precision(a, r) for a, r in zip(answers.T, real.T, strict=True)])


def _average_precision(answers: Tensor, real: Tensor) -> Tensor:
    hits, seen, _ = _steps(answers, real)
    if not len(hits) or hits[-1] == 0:
        return torch.tensor(torch.nan, dtype=torch.float64)
    gained = torch.diff(hits, prepend=hits.new_zeros(1))
    return (hits / seen * gained).sum() / hits[-1]


def best_thresholds(probs: Tensor, real: Tensor) -> list[float]:
    """Decision threshold of each class that maximises F1 on these images; of ties, the nearest to 0.5.

    A threshold lies midway between two scores; a class is predicted from it on. A class without images keeps 0.5.

    Args:
        probs: (N, K) float64 in 0..1.
        real: (N, K) bool.
    """
    return [_best_threshold(p, r) for p, r in zip(probs.T, real.T, strict=True)]


def _best_threshold(probs: Tensor, real: Tensor) -> float:
    hits, seen, values = _steps(probs, real)
    if not len(hits) or hits[-1] == 0:
        return 0.5
    f1 = 2 * hits / (seen + hits[-1])
    below = torch.cat([values[1:], values.new_zeros(1)])  # below the last score all images are predicted
    low, high = below, values
    nearest = torch.full_like(low, 0.5).clamp(low.minimum(high), high)
    middles = torch.where((low < 0.5) & (high >= 0.5), nearest, (low + high) / 2)
    best = torch.nonzero(f1 >= f1.max() - 1e-12).flatten()
    return float(middles[best[(middles[best] - 0.5).abs().argmin()]])


def _steps(answers: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cumulative hits and images in descending order of the scores, float64, one entry per distinct score."""
    order = answers.argsort(descending=True, stable=True)
    ordered = answers[order]
    hits = real[order].double().cumsum(0)
    last = torch.ones(len(ordered), dtype=torch.bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    seen = torch.arange(1, len(ordered) + 1, dtype=torch.float64)
    return hits[last], seen[last], ordered[last]
