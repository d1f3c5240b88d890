"""Images of more than 8 bits, as they are looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from zoo.api.images import Pixels, depth_notices, full_size, in_own_range, loses_values

__all__ = ["DEEP", "depths_said", "keeps_more", "viewed"]

DEEP = "more than 8 bits"
"""Depth of an image all of whose bits a run keeps."""


def keeps_more(item: Any) -> bool:
    """Check an opened image for more than 8 bits, which a run keeps."""
    return loses_values(item, "8-bit") != loses_values(item, "own")


def viewed(item: Any) -> tuple[Pixels, Pixels]:
    """Decode an opened image of more than 8 bits, in its original size.

    Returns:
        Its own values (H, W, C), and uint8 (H, W, C) in its file's window, else from its lowest to its highest value:
        12 bits of 16 would be nearly black.

    Raises:
        BadImage: the image can't be decoded.
    """
    from PIL import Image

    channels = (1 if len(item.getbands()) < 3 else 3) if isinstance(item, Image.Image) else len(item)
    values = full_size(item, channels, "own")
    return values, in_own_range(values, getattr(item, "window", None))


def depths_said(depths: Iterable[str | None], total: int) -> list[str]:
    """Notices about images of more than 8 bits.

    Args:
        depths: of each image :data:`DEEP`, what is lost, or None.
        total: number of all images.
    """
    counts = Counter(depth for depth in depths if depth is not None)
    deep = counts.pop(DEEP, 0)
    said = (
        f"{deep:,} of {total:,} images {'has' if deep == 1 else 'have'} more than 8 bits. Each is looked at in the "
        "window of its file, else from its lowest to its highest value, and the mean and standard deviation are of "
        "that; zoo run keeps all bits."
    )
    return [*([said] if deep else []), *depth_notices(counts, total, "images")]
