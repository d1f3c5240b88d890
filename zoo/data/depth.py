"""Images of more than 8 bits per channel, and the loss of information when decoding to 8 bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.data.own_values import scaled_from
from zoo.plugin import PictureValues

__all__ = ["EIGHT", "FLAT", "MIXED", "depth_notices", "depth_of"]

TEN, SIXTEEN, WIDE, FLOAT = "10 or 12 bits", "16 bits", "32 bits", "floats"
WINDOW, WIDER, EIGHT, MIXED = "a window", "more than 24 bits", "8 bits", "8 bits among others"
FLAT, PAGES = "no contrast", "several pages"
_LOSES = {
    PAGES: ("several pages", "only the first is read. Pages as channels are one page of several bands, or .npy"),
    TEN: ("10 or 12 bits per channel", "decoding keeps only the highest 8 bits"),
    SIXTEEN: ("16 bits per channel", "decoding keeps only the high byte"),
    WIDE: (
        "32 bits",
        "images with values above 65,535 are divided by their maximum; of the others only the high byte is kept",
    ),
    FLOAT: ("floating-point values", "each image is divided by its maximum, and negative values become 0"),
    WINDOW: ("more than 8 bits and a window in the file", "decoding to 8 bits keeps the values in that window"),
    WIDER: ("numbers of more than 24 bits", "float32 keeps the nearest number"),
    EIGHT: ("8 bits", "the model was trained on larger values, and takes theirs as they are"),
    MIXED: ("8 bits, and others have more", "their values are taken as they are, and not enlarged"),
    FLAT: (
        "hardly any contrast in the model's window, and seem blank",
        "give the unit of the training images, or train with another window, such as --set data.window=percentile",
    ),
}
_REDUCED = frozenset((SIXTEEN, WIDE, FLOAT, WINDOW))
_KEEPS = " To keep all bits, train with --set data.window=[LOWER,UPPER], the values that become black and white."


def depth_of(item: Any) -> str | None:
    """Bit depth of an opened image beyond 8 bits, from its header or its type of number.

    Args:
        item: a PIL image, not loaded yet if it comes from a file; an array; or a :class:`zoo.plugin.PictureValues`.

    Returns:
        ``10 or 12 bits`` (HEIC, AVIF), ``16 bits``, ``32 bits``, ``floats``, ``a window`` (of a file that states one);
        None for 8 bits or an unknown depth.
    """
    from PIL import Image

    if not isinstance(item, Image.Image):
        return _depth_of_numbers(item)
    if item.mode == "F":
        return FLOAT
    if item.mode.startswith("I;16") or ";16" in _raw_modes(item) or scaled_from(item) > 255:
        return SIXTEEN
    if item.format in ("AVIF", "HEIF") and _bits(item) > 8:
        return TEN
    return WIDE if item.mode == "I" else None


def _depth_of_numbers(item: Any) -> str | None:
    kind = np.asarray(item).dtype
    if kind.itemsize == 1:
        return None
    if isinstance(item, PictureValues) and item.window is not None:
        return WINDOW
    return FLOAT if kind.kind == "f" else SIXTEEN if kind.itemsize == 2 else WIDE


def _bits(image: Any) -> int:
    """Bits a channel of a HEIC or AVIF file: pi-heif's, or of the property ``pixi`` (ISO/IEC 23008-12, 6.5.6)."""
    file, known = getattr(image, "fp", None), image.info.get("bit_depth")
    if known is not None or file is None:
        return int(known or 8)
    at = file.tell()
    file.seek(0)
    head = file.read(4096)
    file.seek(at)
    place = head.find(b"pixi") + 9  # after the name, the version and the number of channels
    return int(head[place]) if 9 <= place < len(head) else 8


def _raw_modes(image: Any) -> str:
    """Raw modes of the image's file for Pillow's decoders, such as ``RGB;16B`` for an image that becomes RGB."""
    return " ".join(str(tile[-1]) for tile in getattr(image, "tile", None) or ())


def depth_notices(counts: Mapping[str, int], total: int, what: str) -> list[str]:
    """Notices about the loss of information, one for each depth that occurs.

    Args:
        counts: number of images of each depth.
        total: number of all images.
        what: noun for the images in the notice, plural.
    """
    return [
        f"{counts[depth]:,} of {total:,} {what} {'has' if counts[depth] == 1 else 'have'} {called}: {lost}."
        f"{_KEEPS if depth in _REDUCED else ''}"
        for depth, (called, lost) in _LOSES.items()
        if counts.get(depth)
    ]
