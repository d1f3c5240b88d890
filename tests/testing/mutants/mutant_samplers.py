"""Samplers that break one check each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Order = NDArray[np.int64]


def good(count: int, seed: int) -> Callable[[int], Order]:
    """Random order."""
    return lambda epoch: np.random.default_rng([seed, epoch]).permutation(count)


def not_made(count: int) -> Callable[[int], Order]:
    """Raise an exception."""
    raise RuntimeError("no such order")


def beyond(count: int) -> Callable[[int], Order]:
    """An index after the last."""
    return lambda epoch: np.arange(count) + 1


def growing(count: int) -> Callable[[int], Order]:
    """More items in later epochs."""
    return lambda epoch: np.arange(min(count, epoch))


def global_random(count: int) -> Callable[[int], Order]:
    """Random numbers of the process."""
    return lambda epoch: np.random.permutation(count)
