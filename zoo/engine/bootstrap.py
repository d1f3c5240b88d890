"""The bootstrap: the sampling distribution of a statistic, from resampling the images with replacement.

Source: B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7 (1979). The draws have a
fixed seed, so a statistic's interval is reproducible and no global random state is used. Images with the same true
and predicted class are drawn together: the count of each group is multinomial, which is equivalent to drawing image
by image, and as fast for a million images as for a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.engine.statistics import CONFIDENCE

__all__ = [
    "f1_macro",
    "group_identical",
    "mean_draws",
    "percentiles",
    "resampled_counts",
    "resampled_indices",
    "try_draws",
    "two_sided",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESAMPLES = 2000
"""Number of resamples for statistics of counts; an interval's ends are then the 50th values from either side."""
TRIES = 300
"""Number of resamples for statistics recomputed from the logits."""
SEED = 0
_CELLS = 4_000_000
"""Maximum number of counts in memory at once."""


def group_identical(*columns: Ints) -> tuple[list[Ints], Ints]:
    """Group images that are identical in all columns.

    Args:
        columns: discrete attributes of the images, (N,) each.

    Returns:
        The columns of the C distinct groups, (C,) each, and the number of images in each group, (C,).
    """
    kinds, counts = np.unique(np.stack(columns), axis=1, return_counts=True)
    return list(kinds), counts.astype(np.int64)


def resampled_counts(counts: Ints, resamples: int = RESAMPLES) -> Iterator[Ints]:
    """Draw multinomial resamples of the groups' counts, yielded in blocks (r, C).

    Args:
        counts: (C,), number of images in each group.
    """
    rng, rows = np.random.default_rng(SEED), max(1, _CELLS // len(counts))
    total = int(counts.sum())
    for start in range(0, resamples, rows):
        yield rng.multinomial(total, counts / total, size=min(rows, resamples - start))


def resampled_indices(images: int, tries: int = TRIES) -> Iterator[Ints]:
    """Indices of the images of each resample, (N,) int64."""
    rng = np.random.default_rng(SEED)
    for _ in range(tries):
        yield rng.integers(0, images, images)


def mean_draws(values: Floats, resamples: int = RESAMPLES) -> Floats:
    """Mean of each resample, (R,), for values of individual images, (N,)."""
    rng, rows, images = np.random.default_rng(SEED), max(1, _CELLS // len(values)), len(values)
    parts = []
    for start in range(0, resamples, rows):
        chosen = rng.integers(0, images, (min(rows, resamples - start), images))
        parts.append(values[chosen].mean(axis=1))
    return np.concatenate(parts)


def f1_macro(counts: Ints, true: Ints, predicted: Ints) -> Floats:
    """Macro F1 of each row of counts, (R,), defined as in :func:`zoo.engine.scores.class_scores`.

    Args:
        counts: (R, C), number of images in each group, one resample a row.
        true, predicted: (C,), true and predicted class of each group.
    """
    classes = 1 + int(max(true.max(), predicted.max()))
    hits = _by_class(counts * (true == predicted), true, classes)
    below = _by_class(counts, true, classes) + _by_class(counts, predicted, classes)
    f1 = 2 * hits / np.maximum(below, 1)
    mean: Floats = f1.sum(axis=1) / np.maximum((below > 0).sum(axis=1), 1)
    return mean


def _by_class(counts: Ints, labels: Ints, classes: int) -> Ints:
    """Sums of the columns of each class: (R, C) -> (R, K)."""
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    found = np.zeros((len(counts), classes), np.int64)
    found[:, present] = np.add.reduceat(counts[:, order], starts, axis=1)
    return found


def percentiles(draws: Floats, confidence: float = CONFIDENCE) -> list[float] | None:
    """Central percentile interval ``[low, high]`` of the resamples; None where at most half of them are finite."""
    known = draws[np.isfinite(draws)]
    if len(known) <= len(draws) / 2:
        return None
    ends: list[float] = np.quantile(known, [0.5 - confidence / 2, 0.5 + confidence / 2]).tolist()
    return ends


def two_sided(differences: Floats) -> float:
    """Two-sided bootstrap p-value of the hypothesis that the mean difference is zero.

    Source: A. C. Davison, D. V. Hinkley, Bootstrap Methods and their Application (1997), section 4.2: one is added to
    either count, so that it is never 0.
    """
    known = differences[np.isfinite(differences)]
    if not len(known):
        return 1.0
    below, above = int((known <= 0).sum()), int((known >= 0).sum())
    return min(1.0, 2 * (1 + min(below, above)) / (1 + len(known)))


def try_draws(score: Callable[[Any], float], images: int, tries: int = TRIES) -> Floats:
    """Compute ``score`` on the images of each resample, (R,); NaN where it raises.

    Args:
        score: function of the indices (N,) of the drawn images that returns a number.
    """
    import warnings

    found = np.full(tries, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a resample may lack a class
        for i, chosen in enumerate(resampled_indices(images, tries)):
            try:
                found[i] = score(chosen)
            except (ValueError, RuntimeError, IndexError):
                if i == 0:
                    break
    return found
