"""Images given from Python: paths, bytes, PIL images, arrays, tensors, and rows of Hugging Face datasets."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import open_image
from zoo.data.picture_formats import open_picture
from zoo.errors import RequestError

__all__ = ["listed", "opened_input", "path_of"]

_COLUMNS = ("image", "img")  # of Hugging Face datasets, the first that a row has
_FORMS = (
    "a path, bytes, a PIL image, an array (H, W, C), (C, H, W) or (H, W), a tensor (C, H, W), a row of a Hugging Face "
    "dataset, or several of them"
)


def listed(images: Any) -> list[Any]:
    """List the images of one or many: a batch (N, …), a sequence, an iterator, a dataset or its column.

    Raises:
        RequestError: there is something that is no image; the message says what.
    """
    if _is_single(images):
        return [images]
    if isinstance(images, Mapping):
        return listed(_column(images))
    if getattr(images, "ndim", 0) == 4 or isinstance(images, Iterable):
        return [each for item in images for each in ([item] if _is_single(item) else listed(item))]
    raise RequestError(f"An image is {_FORMS}; not {_described(images)}.")


def _is_single(item: Any) -> bool:
    from PIL import Image

    if isinstance(item, Mapping):  # an image of Hugging Face datasets that is not decoded
        return bool(item) and item.keys() <= {"bytes", "path"}
    one = isinstance(item, str | os.PathLike | bytes | bytearray | Image.Image)
    return one or (getattr(item, "ndim", 0) in (2, 3) and hasattr(item, "dtype"))


def _column(row: Mapping[Any, Any]) -> Any:
    """The image of a row, or the images of a slice, in the usual column.

    Raises:
        RequestError: there is no such column.
    """
    for name in _COLUMNS:
        if row.get(name) is not None:
            return row[name]
    raise RequestError(
        f"A row has its image in {' or '.join(map(repr, _COLUMNS))}; not {_described(row)}. Give the image alone: "
        "row[COLUMN]."
    )


def path_of(item: Any) -> str | None:
    """Path of an image that is given by one; None for others."""
    found = item.get("path") if isinstance(item, Mapping) else item
    return os.fspath(found) if isinstance(found, str | os.PathLike) else None


def opened_input(item: Any, in_chans: int) -> Any:
    """Open one image.

    Args:
        item: one of those that :func:`listed` returns.
        in_chans: number of channels of the model, which tells (C, H, W) from (H, W, C).

    Returns:
        A PIL image whose pixels may not be loaded yet, or a uint8 array (C, H, W).

    Raises:
        RequestError: the item is no image, or has another data type or values.
        OSError: the file is missing, unreadable, or no image.
    """
    from PIL import Image

    if isinstance(item, Mapping):
        item = item["bytes"] if item.get("bytes") is not None else item.get("path")
    if isinstance(item, Image.Image):
        return item
    if isinstance(item, str | os.PathLike):
        return open_image(Path(item))
    if isinstance(item, bytes | bytearray):
        return open_picture(io.BytesIO(item))
    if not hasattr(item, "dtype"):
        raise RequestError(f"An image is {_FORMS}; not {_described(item)}.")
    return _planes(_pixels(_on_cpu(item), item), in_chans)


def _on_cpu(item: Any) -> NDArray[Any]:
    if hasattr(item, "detach"):
        tensor = item.detach().cpu()
        return np.asarray(tensor.float() if tensor.is_floating_point() else tensor)
    return np.asarray(item)


def _pixels(array: NDArray[Any], item: Any) -> NDArray[np.uint8]:
    """Convert to uint8: whole numbers in 0..255 are kept, floating-point numbers in 0..1 are scaled.

    Raises:
        RequestError: the array is empty, or has other values.
    """
    if array.dtype == np.uint8 and array.size:
        return array
    kind, top = array.dtype.kind, 255 if array.dtype.kind in "iu" else 1
    if not array.size or kind not in "iuf" or not (array.min() >= 0 and array.max() <= top):
        raise RequestError(
            f"Pixels are whole numbers in 0..255, or floating-point numbers in 0..1, before any normalisation; not "
            f"{_described(item)}."
        )
    return array.astype(np.uint8) if kind in "iu" else (array * 255).round().astype(np.uint8)


def _planes(pixels: NDArray[np.uint8], in_chans: int) -> Any:
    """Pixels as (C, H, W); four channels of a model that takes colour or grey are a PIL image with transparency."""
    from PIL import Image

    if pixels.ndim == 2:
        return pixels[None]
    if pixels.ndim != 3:
        raise RequestError(f"An image has two or three dimensions, not {_described(pixels)}.")
    first, *_, last = pixels.shape
    is_first = first == in_chans or (last != in_chans and first <= last)
    planes = pixels if is_first else np.moveaxis(pixels, 2, 0)
    if len(planes) == 4 and in_chans in (1, 3):
        return Image.fromarray(np.ascontiguousarray(np.moveaxis(planes, 0, 2)))
    return np.ascontiguousarray(planes)


def _described(item: Any) -> str:
    """Type, shape and range of what was given, such as ``a float32 tensor (3, 8, 8) of -2.1..2.6``."""
    if isinstance(item, Mapping):
        return f"a {type(item).__name__} with the keys {', '.join(map(repr, item)) or 'of none'}"
    if not hasattr(item, "dtype") or not hasattr(item, "shape"):
        text = repr(item)
        return f"{type(item).__name__} {text if len(text) <= 60 else text[:57] + '…'}"
    array = _on_cpu(item)
    named = f"{str(item.dtype).removeprefix('torch.')} {type(item).__name__} {tuple(item.shape)}"
    return f"{named} of {array.min():g}..{array.max():g}" if array.size and array.dtype.kind in "iuf" else named
