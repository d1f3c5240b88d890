"""Images given from Python: paths, bytes, PIL images, arrays, tensors, and rows of Hugging Face datasets."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import Shape, open_image
from zoo.errors import RequestError
from zoo.plugin import PictureValues

__all__ = ["listed", "opened_input", "path_of"]

_COLUMNS = ("image", "img")  # of Hugging Face datasets, the first that a row has
_FORMS = (
    "a path, bytes, a PIL image, an array (H, W, C), (C, H, W) or (H, W), a tensor (C, H, W), a row of a Hugging Face "
    "dataset, or several of them"
)


def listed(images: Any) -> list[Any]:
    """List the images of one or many: a batch (N, …), a sequence, an iterator, a dataset or its column.

    Raises:
        RequestError: an item is not an image; the message describes it.
    """
    if _is_single(images):
        return [images]
    if isinstance(images, Mapping):
        return listed(_column(images))
    if getattr(images, "ndim", 0) == 4 or isinstance(images, Iterable):
        return [each for item in images for each in listed(item)]
    raise RequestError(f"An image is {_FORMS}; not {_described(images)}.")


def _is_single(item: Any) -> bool:
    from PIL import Image

    if isinstance(item, Mapping):  # an undecoded image of a Hugging Face dataset
        return bool(item) and item.keys() <= {"bytes", "path"}
    one = isinstance(item, str | os.PathLike | bytes | bytearray | Image.Image)
    return one or (getattr(item, "ndim", 0) in (2, 3) and hasattr(item, "dtype"))


def _column(row: Mapping[Any, Any]) -> Any:
    """Image of a row, or images of a slice."""
    for name in _COLUMNS:
        if row.get(name) is not None:
            return row[name]
    names = " or ".join(map(repr, _COLUMNS))
    raise RequestError(f"A row has its image in {names}; not {_described(row)}. Give the image alone: row[COLUMN].")


def path_of(item: Any) -> str | None:
    """Path of an image that is given by one; None for others."""
    found = item.get("path") if isinstance(item, Mapping) else item
    return os.fspath(found) if isinstance(found, str | os.PathLike) else None


def opened_input(item: Any, shape: Shape) -> Any:
    """Open one image of :func:`listed` as :func:`zoo.data.decode.open_image` does.

    Args:
        item: the image.
        shape: shape of the model's images: by its number of channels (C, H, W) and (H, W, C) are distinguished, and
            its values are those of an array.

    Raises:
        RequestError: the item is not an image, or its values are not pixels.
        OSError: the file is missing or unreadable.
    """
    from PIL import Image

    if isinstance(item, Mapping):
        item = item["bytes"] if item.get("bytes") is not None else item.get("path")
    if isinstance(item, Image.Image | PictureValues):
        return item
    if isinstance(item, str | os.PathLike):
        return open_image(Path(item))
    if isinstance(item, bytes | bytearray):
        return open_image(io.BytesIO(item))
    if not hasattr(item, "dtype"):
        raise RequestError(f"An image is {_FORMS}; not {_described(item)}.")
    array = _on_cpu(item)
    return _planes(_pixels(array, item) if shape.values == "8-bit" else array, shape.in_chans)


def _on_cpu(item: Any) -> NDArray[Any]:
    if hasattr(item, "detach"):
        tensor = item.detach().cpu()
        return np.asarray(tensor.float() if tensor.is_floating_point() else tensor)  # NumPy lacks bfloat16
    return np.asarray(item)


def _pixels(array: NDArray[Any], item: Any) -> NDArray[np.uint8]:
    """Convert to uint8: integers in 0..255 are kept, floating-point numbers in 0..1 are scaled."""
    whole = array.dtype.kind in "iu"
    if (
        array.dtype.kind not in "iuf"
        or not array.size
        or not (array.min() >= 0 and array.max() <= (255 if whole else 1))
    ):
        raise RequestError(
            "Pixels are integers in 0..255, or floating-point numbers in 0..1, before normalisation; not "
            f"{_described(item)}."
        )
    return array.astype(np.uint8) if whole else (array * 255).round().astype(np.uint8)


def _planes(pixels: NDArray[Any], in_chans: int) -> Any:
    """Pixels as (C, H, W); RGBA for a model of colour or grey images as a PIL image, which has transparency."""
    from PIL import Image

    if pixels.ndim == 2:
        return pixels[None]
    first, *_, last = pixels.shape
    is_first = first == in_chans or (last != in_chans and first <= last)
    planes = pixels if is_first else np.moveaxis(pixels, 2, 0)
    if len(planes) == 4 and in_chans in (1, 3) and planes.dtype == np.uint8:
        return Image.fromarray(np.ascontiguousarray(np.moveaxis(planes, 0, 2)))
    return np.ascontiguousarray(planes)


def _described(item: Any) -> str:
    """Type, shape and range, such as ``float32 Tensor (3, 8, 8) of -2.1..2.6``."""
    if isinstance(item, Mapping):
        return f"a {type(item).__name__} with the keys {', '.join(map(repr, item))}"
    if not hasattr(item, "dtype") or not hasattr(item, "shape"):
        return f"{type(item).__name__} {repr(item)[:60]}"
    array = _on_cpu(item)
    named = f"{str(item.dtype).removeprefix('torch.')} {type(item).__name__} {tuple(item.shape)}"
    return f"{named} of {array.min():g}..{array.max():g}" if array.size and array.dtype.kind in "iuf" else named
