"""Images of more than 8 bits per channel, and the loss of information when decoding to 8 bits."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.data.decode import decode_errors, open_image

__all__ = ["count_depths", "depth_notices", "depth_of"]

SIXTEEN, WIDE, FLOAT = "16 bits", "32 bits", "floats"
_LOSES = {
    SIXTEEN: ("16 bits per channel", "decoding keeps only the high byte"),
    WIDE: (
        "32 bits",
        "images with values above 65,535 are divided by their maximum; of the others only the high byte is kept",
    ),
    FLOAT: ("floating-point numbers", "each image is divided by its maximum, and negative values become 0"),
}


def depth_of(item: Any) -> str | None:
    """Bit depth of an opened image beyond 8 bits, from its header.

    Args:
        item: a PIL image, not loaded yet if it comes from a file; or an array, which has 8 bits.

    Returns:
        ``16 bits``, ``32 bits``, ``floats``; None for 8 bits or an unknown depth.
    """
    from PIL import Image

    if not isinstance(item, Image.Image):
        return None
    if item.mode == "F":
        return FLOAT
    if item.mode.startswith("I;16") or ";16" in _raw_modes(item):
        return SIXTEEN
    return WIDE if item.mode == "I" else None


def _raw_modes(image: Any) -> str:
    """Raw modes of the image's file for Pillow's decoders, such as ``RGB;16B`` for an image that becomes RGB."""
    return " ".join(str(tile[-1]) for tile in getattr(image, "tile", None) or ())


def count_depths(files: Iterable[Path]) -> Counter[str]:
    """Count the files of each bit depth above 8; files that can't be opened are ignored."""
    counts: Counter[str] = Counter()
    for file in files:
        with contextlib.suppress(*decode_errors()):
            item = open_image(file)
            with item if hasattr(item, "close") else contextlib.nullcontext():
                counts.update(filter(None, [depth_of(item)]))
    return counts


def depth_notices(counts: Mapping[str, int], total: int, what: str) -> list[str]:
    """Notices about the loss of information, one for each depth that occurs.

    Args:
        counts: number of images of each depth.
        total: number of all images.
        what: noun for the images in the notice, plural.
    """
    return [
        f"{counts[depth]:,} of {total:,} {what} {_verb(depth, counts[depth])} {called}: {lost}. To control the "
        "conversion, convert them to 8 bits with a common scale."
        for depth, (called, lost) in _LOSES.items()
        if counts.get(depth)
    ]


def _verb(depth: str, count: int) -> str:
    if depth == FLOAT:
        return "is of" if count == 1 else "are of"
    return "has" if count == 1 else "have"
