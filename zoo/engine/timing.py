"""Time calls, and compare the times of two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import torch

from zoo.engine.execution import Execution


def call_rates(calls: Sequence[tuple[Callable[[Any], Any], Any]], rounds: int) -> list[list[float]]:
    """Images per second of each function, timed in alternating rounds after one warm-up round.

    Args:
        calls: pairs of a function and its batch (N, …).
    """
    rates: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for (call, batch), found in zip(calls, rates, strict=True):
            started = perf_counter()
            call(batch)
            found.append(len(batch) / (perf_counter() - started))
    return [found[1:] for found in rates]


def compared(one: Sequence[float], other: Sequence[float]) -> dict[str, Any]:
    """Compare two functions by their rates in the same rounds.

    Returns:
        ``ratio`` (median of ``rounds``, the ratios one / other) and ``range`` (their minimum and maximum).
    """
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    return {"ratio": median(ratios), "range": [min(ratios), max(ratios)], "rounds": ratios}


def now(execution: Execution) -> float:
    """Synchronise the device and return the time in seconds."""
    if execution.device.type == "cuda":
        torch.cuda.synchronize(execution.device)
    elif execution.device.type == "mps":
        torch.mps.synchronize()
    return perf_counter()
