"""Fitting a training to a time budget: number of epochs, images per epoch, and the variant of a recipe.

All functions are pure: measured seconds in, numbers out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Length", "Variant", "best_variant", "fit_length"]

PARTS = 8
"""Maximum number of epochs that a budget too short for whole epochs is divided into; each epoch is evaluated."""
EVALUATION_SHARE = 0.15
"""Maximum fraction of a divided budget for evaluations."""
WHOLE = 0.7
"""Minimum fraction of a variant's wanted images that must fit the budget for the variant to be chosen."""
MOST = 10
"""Maximum factor by which a training may exceed its recipe's number of epochs."""
Seconds = Callable[[int, int], float]
"""Function of the number of epochs and of images in each that returns the training time in seconds."""


@dataclass(frozen=True)
class Length:
    """Length of a training.

    Args:
        epochs: number of epochs, at least 1.
        images_per_epoch: number of images in each; all training images for whole epochs.
    """

    epochs: int
    images_per_epoch: int


@dataclass(frozen=True)
class Variant:
    """Cost and demand of one variant of a recipe.

    Args:
        image_s: training time per image in seconds.
        images: number of images that its recipe wants to show.
    """

    image_s: float
    images: float


def best_variant(left_s: float, variants: Sequence[Variant]) -> int:
    """Choose the most expensive variant with time for most of the images that it wants, else the cheapest.

    Args:
        left_s: time for training in seconds.
        variants: the variants, in any order.

    Returns:
        Index of the chosen variant.
    """
    by_cost = sorted(range(len(variants)), key=lambda i: variants[i].image_s)
    able = [i for i in by_cost if left_s >= WHOLE * variants[i].images * variants[i].image_s]
    return able[-1] if able else by_cost[0]


def fit_length(
    left_s: float, images: int, batch_size: int, seconds: Seconds, evaluate_s: float, wanted: int, fixed: int | None
) -> Length | None:
    """Fill a time budget with epochs.

    Epochs are whole where several fit; in shorter budgets an epoch is a part of the data, one after the other. The
    number of images per epoch is then adjusted until the budget is full.

    Args:
        left_s: time for training and the evaluations between epochs, in seconds.
        images: number of training images.
        batch_size: images per batch.
        seconds: training time, increasing in both arguments.
        evaluate_s: time of one evaluation in seconds.
        wanted: number of epochs of the recipe.
        fixed: number of epochs that the user chose; then only the images per epoch are fitted, up to all of them.

    Returns:
        None where the time is too short to show every image once.
    """

    def stretched(epochs: int, most: int) -> Length | None:
        batches = _most(lambda count: seconds(epochs, count * batch_size) <= left_s, -(-most // batch_size))
        each = min(batches * batch_size, most)
        return Length(epochs, each) if epochs * each >= images else None

    if fixed is not None:
        return Length(fixed, images) if seconds(fixed, images) <= left_s else stretched(fixed, images)
    whole = _most(lambda epochs: seconds(epochs, images) <= left_s, MOST * wanted)
    if whole == MOST * wanted:
        return Length(whole, images)  # longer training would not help
    divided = max(1, min(PARTS, int(EVALUATION_SHARE * left_s / max(evaluate_s, 1e-9))))
    return stretched(max(whole, divided), 2 * images) or (stretched(whole, 2 * images) if whole else None)


def _most(fits: Callable[[int], bool], most: int) -> int:
    """Largest number in 0..``most`` that fits, by bisection; ``fits`` must be monotonic."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
