"""Images of more than 8 bits: which they are, and what decoding to 8 loses of them."""

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
    SIXTEEN: ("16 bits a channel", "decoding keeps the high byte, and the low byte is lost"),
    WIDE: ("32 bits", "what reaches above 65,535 is scaled by its own largest value, and the rest keeps 8 of 16 bits"),
    FLOAT: ("floating-point numbers", "each is scaled by its own largest value, and what is below 0 becomes 0"),
}


def depth_of(item: Any) -> str | None:
    """What an opened image has that 8 bits can't hold, by its header.

    Args:
        item: a PIL image, not loaded yet where it is a file's; or an array, which has 8 bits.

    Returns:
        ``16 bits``, ``32 bits``, ``floats``; None where nothing is lost, or it can't be told.
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
    """How pixels lie in the file, as Pillow's decoders are told: ``RGB;16B``, of a picture that becomes RGB."""
    return " ".join(str(tile[-1]) for tile in getattr(image, "tile", None) or ())


def count_depths(files: Iterable[Path]) -> Counter[str]:
    """How many of some files are of each depth; one that can't be opened counts for nothing."""
    counts: Counter[str] = Counter()
    for file in files:
        with contextlib.suppress(*decode_errors()):
            item = open_image(file)
            with item if hasattr(item, "close") else contextlib.nullcontext():
                counts.update(filter(None, [depth_of(item)]))
    return counts


def depth_notices(counts: Mapping[str, int], total: int, what: str) -> list[str]:
    """A sentence for each depth that occurs.

    Args:
        counts: depth -> how many images have it.
        total: how many images there are.
        what: they are called, in plural.
    """
    return [
        f"{counts[depth]:,} of {total:,} {what} {_verb(depth, counts[depth])} {called}: {lost}. "
        "Convert them to 8 bits by one scale for all to decide what is kept."
        for depth, (called, lost) in _LOSES.items()
        if counts.get(depth)
    ]


def _verb(depth: str, count: int) -> str:
    if depth == FLOAT:
        return "is of" if count == 1 else "are of"
    return "has" if count == 1 else "have"
