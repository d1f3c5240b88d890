"""Limit on the size of an image, before it is decoded."""

from __future__ import annotations

from PIL import Image

__all__ = ["check_size"]


def check_size(values: int) -> None:
    """Raise OSError for an image of more values than Pillow decodes pixels of any image."""
    if Image.MAX_IMAGE_PIXELS is not None and values > (most := 2 * Image.MAX_IMAGE_PIXELS):
        raise OSError(f"{values:,} values in an image; the limit is {most:,}")
