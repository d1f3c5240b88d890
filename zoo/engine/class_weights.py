"""Class weights for imbalanced data sets."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["class_weights"]


def class_weights(counts: Sequence[int], rule: str) -> list[float]:
    """Class weights inversely proportional to the class frequencies, normalised to a mean of 1.

    Args:
        counts: training images of each class, at least 1.
        rule: ``"balanced"``, inverse to the count; or ``"effective"``, inverse to the effective number of images
            ``(1 - b^n) / (1 - b)`` with ``b = 1 - 1 / N``, which grows slower than the count (Cui et al. 2019,
            arXiv:1901.05555, equations 2 and 3).

    Raises:
        ValueError: ``rule`` is unknown.
    """
    if rule == "balanced":
        sizes = [float(n) for n in counts]
    elif rule == "effective":
        beta = 1 - 1 / max(sum(counts), 2)
        sizes = [(1 - beta**n) / (1 - beta) for n in counts]
    else:
        raise ValueError(f"unknown class weights {rule!r}. Valid are: balanced, effective")
    inverse = [1 / size for size in sizes]
    return [value * len(inverse) / sum(inverse) for value in inverse]
