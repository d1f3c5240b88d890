"""Outliers: images that are far from all others in feature space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

NEIGHBOURS_AMONG = 20_000
"""Number of images among which neighbours are looked for, so that the time grows with the number of images only."""
_NEIGHBOURS = 10
_ROWS, _COLUMNS = 1024, 8192
_DEVIATION = 1.4826  # ratio of standard deviation to median absolute deviation of a normal distribution


def strangeness(features: NDArray[np.float32], progress: Callable[[int], None], seed: int = 0) -> NDArray[np.float32]:
    """Outlier scores by the distance to the ten nearest neighbours, among at most ``NEIGHBOURS_AMONG`` images.

    Args:
        features: (n, D), standardised.
        progress: called with the number of processed images.
        seed: seed of the sample of neighbours.

    Returns:
        (n,): logarithm of the mean distance, in robust standard deviations from its median.
    """
    points = torch.from_numpy(np.ascontiguousarray(features))
    among = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(len(points))[:NEIGHBOURS_AMONG]))
    squares = points.square().sum(1)
    count = max(1, min(_NEIGHBOURS, len(among) - 1))
    found = np.zeros(len(points), np.float32)
    for start in range(0, len(points), _ROWS):
        rows = torch.arange(start, min(start + _ROWS, len(points)))
        best = torch.full((len(rows), count), torch.inf)
        for columns in torch.split(among, _COLUMNS):
            distance = squares[rows, None] - 2 * points[rows] @ points[columns].T + squares[columns]
            distance.masked_fill_(rows[:, None] == columns, torch.inf)
            best = torch.cat([best, distance], 1).topk(count, largest=False).values
        found[start : start + len(rows)] = best.clamp_min(0).sqrt().mean(1).numpy()
        progress(start + len(rows))
    far = np.log(found + 1e-6)
    middle = np.median(far)
    return (far - middle) / max(_DEVIATION * float(np.median(np.abs(far - middle))), 1e-6)  # type: ignore[no-any-return]
