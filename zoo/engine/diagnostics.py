"""Indicators of training problems: label noise, unnormalised inputs, images shared between splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["confidence_in_mistakes", "input_figures", "shared_images", "wrong_among_the_surest"]

_THIN = 8
"""Stride in pixels of the rows and columns that are hashed before two images are compared in full."""
_FEWEST = 20
"""Minimum number of mistakes and of correct answers for an estimate."""
_SUREST = 0.1


def confidence_in_mistakes(logits: Tensor, targets: Tensor) -> float | None:
    """AUROC of the confidence as a predictor of correctness, 0..1; 0.5 is chance.

    A network is usually less confident where it is wrong; a value near 0.5 suggests wrong labels. Computed from ranks
    (Mann and Whitney 1947).

    Args:
        logits: (N, K) float32.
        targets: (N,) int64.

    Returns:
        None with fewer than 20 correct or 20 wrong predictions.
    """
    probability, answer = logits.softmax(1).max(1)
    right = (answer == targets).cpu().numpy()
    if min(right.sum(), (~right).sum()) < _FEWEST:
        return None
    values, places, counts = np.unique(probability.cpu().numpy(), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # average rank of ties
    n = int(right.sum())
    above = ranks[right].sum() - n * (n + 1) / 2
    return float(above / (n * (len(values[places]) - n)))


def wrong_among_the_surest(logits: Tensor, targets: Tensor) -> float | None:
    """Error rate among the most confident tenth of the predictions, relative to the overall error rate.

    A weak network is still nearly always right where it is most confident; wrong labels affect all confidences alike.

    Args:
        logits: (N, K) float32.
        targets: (N,) int64.

    Returns:
        0 if none is wrong, 1 for the overall error rate; None with fewer than 20 correct or 20 wrong predictions.
    """
    probability, answer = logits.softmax(1).max(1)
    wrong = answer != targets
    if min(int(wrong.sum()), int((~wrong).sum())) < _FEWEST:
        return None
    surest = probability >= probability.quantile(1 - _SUREST)  # and those as sure as the last of them
    return float(wrong[surest].float().mean() / wrong.float().mean())


def input_figures(images: Tensor) -> dict[str, float]:
    """Mean and standard deviation of normalised input images, (n, C, H, W)."""
    values = images.float()
    return {"mean": float(values.mean()), "std": float(values.std())}


def shared_images(train: Callable[[NDArray[np.int64]], Any], count: int, others: Iterable[Any]) -> int:
    """Count the images of other splits that are pixel-identical to a training image.

    Args:
        train: returns the training images of an array of indices, uint8 (n, H, W, C).
        count: number of training images.
        others: blocks of images of other splits, uint8 (n, H, W, C).
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
