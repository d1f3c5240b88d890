"""The confidence interval of the mean corruption accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_interval"]

_DRAWS, _SEED, _CELLS = 2000, 0, 2_000_000


def mean_interval(shares: NDArray[np.float64]) -> list[float] | None:
    """Bootstrap interval of the mean over the images, at 95 %.

    All corruptions of an image are drawn together, since they are not independent.

    Args:
        shares: fraction of the corruptions of each image that are classified correctly, (N,) in 0..1.

    Returns:
        ``[low, high]``; None where all images have the same fraction.
    """
    rng, count = np.random.default_rng(_SEED), len(shares)
    rows = max(1, _CELLS // count)
    means = [
        shares[rng.integers(0, count, (min(rows, _DRAWS - start), count))].mean(axis=1)
        for start in range(0, _DRAWS, rows)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975]).tolist()
    return None if low == high else [low, high]
