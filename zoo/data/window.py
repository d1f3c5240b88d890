"""The window of a run: the values that become 0 and 1, in the pixels' own unit."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from math import gcd
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.data.depth import EIGHT, FLAT, depth_notices
from zoo.data.split import Split
from zoo.errors import DataError

__all__ = ["mostly_8_bits", "other_unit", "resolve_window", "with_contrast_notice", "with_window_notice"]

Window = Literal["auto", "8-bit", "percentile", "dicom"] | Sequence[float]
PERCENTILES = (0.5, 99.5)
_MOST = 2**24
"""Maximum number of values that percentiles are computed of, evenly spread."""
_BLOCK = 256
_LEAST = 0.02  # range of an image's values, as a fraction of the window, below which the image seems blank
_KINDS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floating-point numbers"}


def mostly_8_bits(narrow: int, count: int) -> bool:
    """Check that at least half of the images have 8 bits, and others more: in the others' range they would be black."""
    return narrow < count <= 2 * narrow


def resolve_window(asked: Window, train: Split) -> tuple[list[float], str] | None:
    """Resolve the window of a job by its training images.

    ``auto`` is the range of their values, and none for images of 8 bits; ``percentile`` their 0.5 to 99.5 %.

    Args:
        asked: the window of the job.
        train: the training images.

    Returns:
        The two values, and how they were found, in a few words; None where the window needs no numbers.

    Raises:
        DataError: all values of the training images are the same.
    """
    if not isinstance(asked, str) or asked in ("8-bit", "dicom"):
        return None
    if asked == "auto" and train.images.dtype == np.uint8:
        return None
    if asked == "auto":
        found, how = _range(train), f"range of the {len(train):,} training images"
    else:
        found = [float(x) for x in np.percentile(_sample(train), PERCENTILES)]
        how = f"{PERCENTILES[0]:g} to {PERCENTILES[1]:g} % of the values of the training images"
    if found[0] >= found[1]:
        raise DataError(
            f"The window of the training images ({asked}) would be from {found[0]:g} to {found[1]:g}. "
            "Give it in the unit of the pixels: --set data.window=[0,4095]"
        )
    return found, how


def with_window_notice(train: Split, window: Sequence[float], how: str) -> Split:
    """Add a notice about a resolved window to the training split."""
    low, high = (f"{value:,.6g}" for value in window)
    notice = (
        f"The images keep their values ({_KINDS[train.images.dtype.name]}): {low} becomes 0 and {high} becomes 1, the "
        f"{how}. For another window: --set data.window=[LOWER,UPPER]"
    )
    return dataclasses.replace(train, notices=(*train.notices, notice))


def have_no_contrast(images: NDArray[Any], window: Window | None) -> NDArray[np.bool_]:
    """Check which images (N, H, W, C) have several values, and hardly more than one in a window, by 2,048 pixels."""
    if window is None or isinstance(window, str):
        return np.zeros(len(images), bool)
    pixels = images.reshape(len(images), -1, images.shape[-1])
    values = pixels[:, np.linspace(0, pixels.shape[1] - 1, 2048).astype(int)].reshape(len(images), -1)
    unit = ((values.astype(np.float64) - window[0]) / (window[1] - window[0])).clip(0, 1)
    low, high = np.percentile(unit, (1, 99), axis=1)
    found: NDArray[np.bool_] = (high - low < _LEAST) & (values.min(axis=1) < values.max(axis=1))
    return found


def other_unit(pixels: NDArray[Any], window: Window | None) -> str | None:
    """Sign that an image (H, W, C) is of another unit than a model's window: 8 bits, or no contrast; None without."""
    if window is not None and not isinstance(window, str) and pixels.dtype == np.uint8 and window[1] > 255:
        return EIGHT
    return FLAT if have_no_contrast(pixels[None], window)[0] else None


def with_contrast_notice(split: Split, window: Window | None) -> Split:
    """Add a notice where images have values of another depth or unit than a model's window."""
    if window is None or isinstance(window, str) or not len(split):
        return split
    if split.images.dtype == np.uint8 and window[1] > np.iinfo(np.uint8).max:
        counts, seen = {EIGHT: len(split)}, len(split)
    else:
        flat = np.concatenate([have_no_contrast(b, window) for b in _blocks(split, max(1, len(split) // _BLOCK))])
        counts, seen = {FLAT: int(flat.sum()) * (flat.mean() >= 0.1)}, len(flat)
    what = f"{split.name} images" if seen == len(split) else f"{split.name} images, evenly spread,"
    return dataclasses.replace(split, notices=(*split.notices, *depth_notices(counts, seen, what)))


def _blocks(train: Split, step: int = 1) -> Any:
    rows = np.arange(0, len(train), step)
    return (train.gather(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK))


def _range(train: Split) -> list[float]:
    ends = [(float(block.min()), float(block.max())) for block in _blocks(train)]
    return [min(low for low, _ in ends), max(high for _, high in ends)]


def _sample(train: Split) -> NDArray[Any]:
    """At most 16.8 million values of the images, evenly spread over images and pixels."""
    _, height, width, channels = train.gather(np.zeros(1, np.int64)).shape
    step = max(1, len(train) // 4096)
    stride = max(1, -(-height * width * channels * -(-len(train) // step) // _MOST))
    while gcd(stride, width) > 1:  # no column of pixels more often than another
        stride += 1
    blocks = (block.reshape(len(block), -1, channels)[:, ::stride] for block in _blocks(train, step))
    return np.concatenate([block.ravel() for block in blocks])
