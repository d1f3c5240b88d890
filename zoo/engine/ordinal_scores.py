"""Scores of ordered classes from a confusion matrix."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["mean_rank_error", "quadratic_weighted_kappa"]


def mean_rank_error(matrix: Tensor) -> float:
    """Mean absolute difference of the true and the predicted rank.

    Args:
        matrix: confusion matrix of counts (K, K), a row for each true class.
    """
    ranks = torch.arange(len(matrix), dtype=torch.float64)
    counts = matrix.double()
    return float((counts * (ranks[:, None] - ranks).abs()).sum() / counts.sum())


def quadratic_weighted_kappa(matrix: Tensor) -> float:
    """Cohen's kappa with quadratic weights, at most 1; 0 for chance, and where only one class occurs.

    Source: J. Cohen, Weighted kappa, Psychological Bulletin 70 (1968).

    Args:
        matrix: confusion matrix of counts (K, K), a row for each true class.
    """
    counts = matrix.double()
    ranks = torch.arange(len(matrix), dtype=torch.float64)
    weights = (ranks[:, None] - ranks).square()
    expected = counts.sum(dim=1, keepdim=True) * counts.sum(dim=0) / counts.sum()
    by_chance = float((weights * expected).sum())
    return 1 - float((weights * counts).sum()) / by_chance if by_chance else 0.0
