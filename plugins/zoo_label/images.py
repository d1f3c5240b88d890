"""Pictures of the pool: decoded as a dataset for features, and encoded for the browser."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import (
    ItemNames,
    Pixels,
    Shape,
    Split,
    WrongChannels,
    decode_errors,
    decode_split,
    full_size,
    in_own_range,
    opened,
)
from zoo.api.running import Observer
from zoo.errors import BadImage
from zoo_label.pool import Pool

__all__ = ["LARGEST", "THUMBNAIL", "PoolImages", "decode_pool", "jpeg"]

THUMBNAIL = 256
"""Larger side in pixels of a picture in the grid."""
_KEPT = 1280  # larger side up to which encoded pictures stay in memory, about 100 KB each
LARGEST = 4096
"""Larger side in pixels beyond which a picture is scaled down, also when it is zoomed."""


class PoolImages:
    """The pictures of a pool as a dataset whose items have no label yet."""

    classes = ("unlabelled",)

    def __init__(self, paths: list[Path]):
        self.paths, self.targets = paths, [0] * len(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Path, int]:
        return self.paths[index], 0

    def name_of(self, index: int) -> str:
        """Path of the file."""
        return str(self.paths[index])


class InOwnRange:
    """Images in 8 bits as the page shows them: of more bits, the lowest value of each is black and the highest white.

    Args:
        images: (N, H, W, C) uint16 or float32, an array or an object with the same indexing.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, images: Any):
        self.images = images

    def __getitem__(self, rows: NDArray[np.int64]) -> Pixels:
        return np.stack([in_own_range(each) for each in self.images[rows]])


def decode_pool(
    pool: Pool, shape: Shape, observer: Observer, *, in_range: bool = False
) -> tuple[Split, NDArray[np.int64]]:
    """Decode the pool, or read the store of an earlier decoding.

    Args:
        in_range: images of more than 8 bits are reduced as the page shows them, in place of their high byte.

    Returns:
        The readable pictures, and their indices in the pool.
    """
    shape = shape._replace(values="own") if in_range else shape
    decoded = decode_split(
        PoolImages(pool.paths), shape, progress=lambda done, total: observer.preparing("reading pictures", done, total)
    )
    assert isinstance(decoded.names, ItemNames)
    images: Any = decoded.images
    fingerprint = decoded.fingerprint
    if in_range and images.dtype != np.uint8:
        images, fingerprint = InOwnRange(images), f"{fingerprint} in its own range"
    split = Split("pool", images, decoded.labels, decoded.names, fingerprint=fingerprint)
    return split, np.asarray(decoded.names.rows, np.int64)


def jpeg(path: Path, side: int) -> bytes:
    """Encode a picture for a browser, upright, with its larger side at most ``side``.

    Raises:
        BadImage: the picture can't be decoded or shown.
    """
    return _encoded(path, side) if side > _KEPT else _kept(path, side)


@lru_cache(maxsize=512)
def _kept(path: Path, side: int) -> bytes:
    return _encoded(path, side)


def _encoded(path: Path, side: int) -> bytes:
    from PIL import Image

    try:
        item: Any = opened(path)
        pixels: Pixels = full_size(item, 3, "own")
        image = Image.fromarray(in_own_range(pixels, getattr(item, "window", None)))
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        written = io.BytesIO()
        image.save(written, "JPEG", quality=88)
    except WrongChannels as error:
        raise BadImage(f"it has {error.found} channels, which can't be shown") from error
    except decode_errors() as error:
        raise BadImage(str(error)) from error
    return written.getvalue()
