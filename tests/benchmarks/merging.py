"""Gains of merged runs over their members on the same test images, with 95% intervals of a paired bootstrap.

Usage: ``python tests/benchmarks/merging.py RUNS ensemble cnn0 cnn3 cnn6``: in the folder RUNS are the repeated runs
cnn0 and so on, and their merged runs cnn0-ensemble and so on. The gain is that over the mean of the members, and over
the best of them on the test images; images are drawn again, the same for all groups.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.runner.predictions import Predictions, read_predictions

DRAWS = 10_000
Floats = NDArray[np.float64]


def losses(found: Predictions) -> Floats:
    """Negative log-likelihood of each image, by the calibrated probabilities."""
    chosen = found.probabilities[np.arange(len(found.names)), found.targets]
    return -np.log(np.maximum(chosen, 1e-12))


def members(runs: Path, group: str) -> list[Predictions]:
    summary = json.loads((runs / group / "summary.json").read_text("utf-8"))
    return [read_predictions(runs / member["run"], "test") for member in summary["members"]]


def gains(runs: Path, how: str, group: str) -> dict[str, Floats]:
    """Difference of each image: accuracy against the mean and the best member, log loss against the mean."""
    merged, singles = read_predictions(runs / f"{group}-{how}", "test"), members(runs, group)
    right, mean = merged.right.astype(float), np.mean([each.right for each in singles], axis=0)
    best = max(singles, key=lambda each: each.right.mean()).right.astype(float)
    loss = losses(merged) - np.mean([losses(each) for each in singles], axis=0)
    said = f"{group}: {how} {right.mean():.1%}, members {mean.mean():.1%} (best {best.mean():.1%}), log loss "
    print(f"{said}{losses(merged).mean():.3f}, members {losses(merged).mean() - loss.mean():.3f}")  # noqa: T201
    over_mean, over_best = 100 * (right - mean), 100 * (right - best)
    return {"accuracy over the mean, points": over_mean, "accuracy over the best, points": over_best, "log loss": loss}


def main(runs: Path, how: str, groups: list[str]) -> None:
    found = [gains(runs, how, group) for group in groups]
    generator = np.random.default_rng(0)
    for name in found[0]:
        each = np.mean([gain[name] for gain in found], axis=0)
        drawn = each[generator.integers(0, len(each), (DRAWS, len(each)))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        print(f"{name}: {each.mean():+.3f}, 95% interval {low:+.3f} to {high:+.3f}, {len(groups)} groups")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
