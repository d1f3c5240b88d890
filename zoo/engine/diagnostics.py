"""Signs of what may be wrong with a training, measured where the images and answers are at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["confidence_in_mistakes", "input_figures", "shared_images", "wrong_among_the_surest"]

_THIN = 8
"""Every so many rows and columns of an image are looked at, before those that agree in them are compared whole."""
_FEWEST = 20
"""Mistakes and right answers: of fewer nothing can be told."""
_SUREST = 0.1


def confidence_in_mistakes(logits: Tensor, targets: Tensor) -> float | None:
    """How often a right answer is given with more confidence than a wrong one: 1 always, 0.5 as chance has it.

    A network is less sure where it errs; one that errs as surely as it is right was told otherwise than it sees: the
    labels may be at fault. This is the area under the ROC curve of the confidence, by ranks (Mann and Whitney 1947).

    Args:
        logits: (N, K) float32.
        targets: (N,) int64.

    Returns:
        None where there are fewer than 20 right or 20 wrong answers.
    """
    probability, answer = logits.softmax(1).max(1)
    right = (answer == targets).cpu().numpy()
    if min(right.sum(), (~right).sum()) < _FEWEST:
        return None
    values, places, counts = np.unique(probability.cpu().numpy(), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # of equal ones the middle
    n = int(right.sum())
    above = ranks[right].sum() - n * (n + 1) / 2
    return float(above / (n * (len(values[places]) - n)))


def wrong_among_the_surest(logits: Tensor, targets: Tensor) -> float | None:
    """Which share of the surest tenth of the answers is wrong, as a multiple of the share among all of them.

    A network that is merely weak is nearly always right where it is sure of it; wrong labels spare no answer, however
    sure it is.

    Args:
        logits: (N, K) float32.
        targets: (N,) int64.

    Returns:
        0 where none is wrong, 1 where it is as among all; None where there are fewer than 20 right or wrong ones.
    """
    probability, answer = logits.softmax(1).max(1)
    wrong = answer != targets
    if min(int(wrong.sum()), int((~wrong).sum())) < _FEWEST:
        return None
    surest = probability >= probability.quantile(1 - _SUREST)  # and those as sure as the last of them
    return float(wrong[surest].float().mean() / wrong.float().mean())


def input_figures(images: Tensor) -> dict[str, float]:
    """Mean and standard deviation of what a network is given: images (n, C, H, W) after normalisation."""
    values = images.float()
    return {"mean": float(values.mean()), "std": float(values.std())}


def shared_images(train: Callable[[NDArray[np.int64]], Any], count: int, others: Iterable[Any]) -> int:
    """How many of other images are also, pixel for pixel, among those that are trained on.

    Args:
        train: gives the images of some indices, uint8 (n, H, W, C).
        count: images to train on.
        others: blocks of images, uint8 (n, H, W, C).
    """
    known: dict[bytes, list[int]] = {}
    for start in range(0, count, 256):
        rows = np.arange(start, min(start + 256, count))
        for row, digest in zip(rows, _digests(train(rows)), strict=True):
            known.setdefault(digest, []).append(int(row))
    found = 0
    for block in others:
        for image, digest in zip(block, _digests(block), strict=True):
            candidates = known.get(digest, ())
            found += any(np.array_equal(image, train(np.array([row]))[0]) for row in candidates)
    return found


def _digests(images: Any) -> list[bytes]:
    thin = np.ascontiguousarray(np.asarray(images)[:, ::_THIN, ::_THIN]) if _is_large(images) else np.asarray(images)
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in thin]


def _is_large(images: Any) -> bool:
    return bool(min(np.asarray(images).shape[1:3]) >= 4 * _THIN)
