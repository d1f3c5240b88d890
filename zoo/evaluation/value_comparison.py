"""Paired comparison of two regressions on the same images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.engine.bootstrap import mean_draws, percentiles, try_draws, two_sided
from zoo.engine.regression import RegressionTask
from zoo.runner.predictions import Predictions

__all__ = ["NO_DIFFERENCE", "Document", "bootstrapped", "compared_values", "value_numbers", "value_verdict"]

NO_DIFFERENCE = "no significant difference"
SCORES = ("mae", "rmse", "r2", "spearman")
Document = dict[str, Any]


def value_numbers(kept: Predictions) -> Iterator[tuple[str, float]]:
    """Scores of a regression's predictions, by name."""
    found = _scores(kept, slice(None))
    yield from ((name, found[name]) for name in SCORES)


def _scores(kept: Predictions, chosen: Any) -> dict[str, float]:
    values, targets = torch.from_numpy(kept.logits[chosen]), torch.from_numpy(kept.targets[chosen])
    return RegressionTask().numbers(values, targets, kept.classes)


def compared_values(one: Predictions, other: Predictions) -> Document:
    """Intervals and p-values of the differences between two runs.

    That of the mean absolute error is tested by Wilcoxon's signed-rank test of the absolute errors image by image, all
    others by the bootstrap.
    Source: F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945).
    """
    differences = other.errors - one.errors
    found: Document = {
        "mae": {
            "interval": percentiles(mean_draws(differences)),
            "p": _signed_rank(differences),
            "test": "Wilcoxon signed-rank",
        }
    }
    for name in SCORES[1:]:

        def drawn(chosen: Any, name: str = name) -> float:
            return _scores(other, chosen)[name] - _scores(one, chosen)[name]

        found[name] = bootstrapped(try_draws(drawn, len(differences)))
    return found


def _signed_rank(differences: NDArray[np.float64]) -> float:
    """Two-sided p-value of Wilcoxon's test; 1 where no image differs."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0


def bootstrapped(differences: NDArray[np.float64]) -> Document:
    """Interval and p-value of a difference from its resamples."""
    return {"interval": percentiles(differences), "p": two_sided(differences), "test": "paired bootstrap"}


def value_verdict(row: Document) -> str:
    """Verdict by mean absolute error: the better run, or no significant difference."""
    figures = row["metrics"]["mae"]
    if not figures["significant"]:
        return f"{row['run']} against {row['against']}: {NO_DIFFERENCE} in mean absolute error"
    better, worse = (row["run"], row["against"])[:: 1 if figures["difference"] < 0 else -1]
    return f"{better} is better than {worse} by {abs(figures['difference']):.4g} in mean absolute error"
