"""Fit a training to a span of time: how many epochs of how many images, and which variant of a recipe.

Everything here is pure: measured seconds in, numbers out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Length", "Variant", "best_variant", "fit_length"]

PARTS = 8
"""A budget too short for so many epochs is divided into so many parts, each with a report of its own."""
EVALUATION_SHARE = 0.15
"""Of a budget that is divided so, as much may go into evaluations."""
WHOLE = 0.7
"""A variant of a recipe is taken where there is time for this share of the images that it asks for."""
MOST = 10
"""A training is made longer than its recipe asks for by this factor at the most."""
Seconds = Callable[[int, int], float]
"""Epochs, and images in each -> seconds that they take."""


@dataclass(frozen=True)
class Length:
    """How long to train.

    Args:
        epochs: of them, at least 1.
        images_per_epoch: in each; the number of training images where epochs are whole.
    """

    epochs: int
    images_per_epoch: int


@dataclass(frozen=True)
class Variant:
    """A way to train, by what it takes and what it asks for.

    Args:
        image_s: seconds to train on one image.
        images: that its recipe wants to show.
    """

    image_s: float
    images: float


def best_variant(left_s: float, variants: Sequence[Variant]) -> int:
    """Choose the dearest variant that has time for most of the images that it asks for, else the cheapest.

    Args:
        left_s: seconds to train in.
        variants: in any order.

    Returns:
        Its place among them.
    """
    by_cost = sorted(range(len(variants)), key=lambda i: variants[i].image_s)
    able = [i for i in by_cost if left_s >= WHOLE * variants[i].images * variants[i].image_s]
    return able[-1] if able else by_cost[0]


def fit_length(
    left_s: float, images: int, batch_size: int, seconds: Seconds, evaluate_s: float, wanted: int, fixed: int | None
) -> Length | None:
    """Fill a span of time with epochs.

    Whole epochs where there are several; in shorter spans epochs are parts of the data, one after the other. The images
    of an epoch are then stretched, up or down, until the span is full.

    Args:
        left_s: seconds for training and the evaluations between epochs.
        images: there are to train on.
        seconds: rising in both of its arguments.
        evaluate_s: of one evaluation.
        wanted: epochs that the recipe asks for.
        fixed: epochs that somebody chose; then only the images of each are fitted, and never above all of them.

    Returns:
        None where there is no time to show every image once.
    """

    def stretched(epochs: int, most: int) -> Length | None:
        batches = _most(lambda count: seconds(epochs, count * batch_size) <= left_s, -(-most // batch_size))
        each = min(batches * batch_size, most)
        return Length(epochs, each) if epochs * each >= images else None

    if fixed is not None:
        return Length(fixed, images) if seconds(fixed, images) <= left_s else stretched(fixed, images)
    whole = _most(lambda epochs: seconds(epochs, images) <= left_s, MOST * wanted)
    if whole == MOST * wanted:
        return Length(whole, images)  # more of the same would bring nothing
    divided = max(1, min(PARTS, int(EVALUATION_SHARE * left_s / max(evaluate_s, 1e-9))))
    return stretched(max(whole, divided), 2 * images) or (stretched(whole, 2 * images) if whole else None)


def _most(fits: Callable[[int], bool], most: int) -> int:
    """The largest number from 0 to ``most`` that fits, where none fits above one that doesn't."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
