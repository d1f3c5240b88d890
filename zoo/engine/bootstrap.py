"""The bootstrap: how a number scatters when the images that it was measured on are drawn again, with replacement.

Source: B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7 (1979). The draws are seeded
by themselves, so a number's interval is the same every time and no global random state is used. Images that are alike
in all that a number depends on (their true class and what they were taken for) are drawn together: how often each kind
comes is multinomial, which is the same as drawing image by image, and as fast for a million images as for a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.engine.statistics import CONFIDENCE

__all__ = ["alike", "drawn_counts", "drawn_images", "f1_macro", "mean_draws", "percentiles", "try_draws", "two_sided"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESAMPLES = 2000
"""Of counts, which are cheap; the ends of an interval are then the 50th values from either end."""
TRIES = 300
"""Of a number that is computed anew from the logits each time."""
SEED = 0
_CELLS = 4_000_000
"""Counts in memory at once."""


def alike(*columns: Ints) -> tuple[list[Ints], Ints]:
    """The kinds of images that there are.

    Args:
        columns: (N,) each, what is known of the images.

    Returns:
        The columns of the kinds, (C,) each, and how many images are of each, (C,).
    """
    kinds, counts = np.unique(np.stack(columns), axis=1, return_counts=True)
    return list(kinds), counts.astype(np.int64)


def drawn_counts(counts: Ints, resamples: int = RESAMPLES) -> Iterator[Ints]:
    """Draw as many images as there are, again and again: how many came of each kind, (r, C) at a time.

    Args:
        counts: (C,), how many images are of each kind.
    """
    rng, rows = np.random.default_rng(SEED), max(1, _CELLS // len(counts))
    total = int(counts.sum())
    for start in range(0, resamples, rows):
        yield rng.multinomial(total, counts / total, size=min(rows, resamples - start))


def drawn_images(images: int, tries: int = TRIES) -> Iterator[Ints]:
    """Which images are drawn, (N,) each time."""
    rng = np.random.default_rng(SEED)
    for _ in range(tries):
        yield rng.integers(0, images, images)


def mean_draws(values: Floats, resamples: int = RESAMPLES) -> Floats:
    """The mean of each resample, (R,), of a value that each image has by itself, (N,)."""
    rng, rows, images = np.random.default_rng(SEED), max(1, _CELLS // len(values)), len(values)
    parts = []
    for start in range(0, resamples, rows):
        chosen = rng.integers(0, images, (min(rows, resamples - start), images))
        parts.append(values[chosen].mean(axis=1))
    return np.concatenate(parts)


def f1_macro(counts: Ints, true: Ints, predicted: Ints) -> Floats:
    """Macro F1 of each row of counts, (R,): as :func:`zoo.engine.scores.class_scores` has it.

    Args:
        counts: (R, C), how many images of each kind.
        true, predicted: (C,), the kinds' classes.
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
    """The middle part of what the resamples gave, ``[low, high]``; None where most of them gave no number."""
    known = draws[np.isfinite(draws)]
    if len(known) <= len(draws) / 2:
        return None
    ends: list[float] = np.quantile(known, [0.5 - confidence / 2, 0.5 + confidence / 2]).tolist()
    return ends


def two_sided(differences: Floats) -> float:
    """The bootstrap's p-value that a difference is none: how seldom resamples fall on its other side, twice.

    Source: A. C. Davison, D. V. Hinkley, Bootstrap Methods and their Application (1997), section 4.2: one is added to
    either count, so that it is never 0.
    """
    known = differences[np.isfinite(differences)]
    if not len(known):
        return 1.0
    below, above = int((known <= 0).sum()), int((known >= 0).sum())
    return min(1.0, 2 * (1 + min(below, above)) / (1 + len(known)))


def try_draws(score: Callable[[Any], float], images: int, tries: int = TRIES) -> Floats:
    """What ``score`` gives for the images of each resample, (R,); NaN where it raises.

    Args:
        score: indices (N,) of the images drawn -> a number.
    """
    import warnings

    found = np.full(tries, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that a resample has no image of
        for i, chosen in enumerate(drawn_images(images, tries)):
            try:
                found[i] = score(chosen)
            except (ValueError, RuntimeError, IndexError):
                if i == 0:
                    break
    return found
