"""Values of images of more than 8 bits, in the images' own unit: uint8, uint16 or float32."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.errors import BadImage
from zoo.plugin import PictureValues

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "as_stored",
    "check_finite",
    "eight_bits",
    "in_own_range",
    "loses_digits",
    "planes_of",
    "scaled_from",
    "viewable",
    "windowed",
]

Values = NDArray[Any]
_LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue, ITU-R BT.601, as Pillow converts colour to grey."""
_OTHER_BYTE = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}
"""Pillow's raw modes of 16 bits keep the high byte; read in the other order, they keep the low byte."""


def as_stored(values: Values) -> Values:
    """Convert numbers to the first of uint8, uint16 and float32 that has every number of their type.

    float32 has 24 bits of precision: of wider types it keeps the nearest number (:func:`loses_digits`).

    Raises:
        BadImage: a value is NaN or infinite, or beyond the range of float32.
    """
    if values.dtype == bool:
        return eight_bits(values)
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        return np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    check_finite(values)
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, np.float32)
    check_finite(found)
    return found


def check_finite(values: Values) -> None:
    """Raise BadImage for an image with a value that is NaN or infinite."""
    if values.dtype.kind == "f" and (bad := int(values.size - np.isfinite(values).sum())):
        raise BadImage(f"{bad:,} of its {values.size:,} values {'is' if bad == 1 else 'are'} NaN or infinite")


def loses_digits(values: Values) -> bool:
    """Check that float32 rounds a number of this array."""
    if values.dtype == bool or values.dtype.itemsize <= 2 or values.dtype == np.float32:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return not np.array_equal(values.astype(np.float32).astype(np.float64), values.astype(np.float64))


def windowed(picture: PictureValues) -> Values:
    """Values of a file in its own window, float32 (C, H, W) in 0..1; values outside become 0 or 1.

    Raises:
        BadImage: the file states no window.
    """
    if picture.window is None:
        raise BadImage("the file states no window, which data.window=dicom needs")
    low, high = picture.window
    values = np.asarray(picture.values, np.float64)
    check_finite(values)
    return ((values - low) / (high - low)).clip(0, 1).astype(np.float32)


def eight_bits(values: Values, window: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Reduce numbers to 8 bits.

    A file's own window becomes 0..255. Otherwise whole numbers up to 65,535 keep their high byte, and others are
    divided by the largest number of the image; negative ones become 0. True becomes 255.

    Raises:
        BadImage: a value is NaN or infinite.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    values = np.asarray(values)
    check_finite(values)
    limit = None if values.dtype.kind == "f" else 127 if values.dtype == np.int8 else 65535
    values = values.astype(np.float64)
    if window is not None:
        return (((values - window[0]) / (window[1] - window[0])).clip(0, 1) * 255).round().astype(np.uint8)
    highest = max(values.max(initial=0), 1e-12)
    top = highest if limit is None or highest > limit else limit
    return (values.clip(min=0) / top * 255).round().astype(np.uint8)


def viewable(pixels: Values, window: Sequence[float] | Literal["dicom"] | None) -> NDArray[np.uint8]:
    """Pixels of any shape in 8 bits, to be looked at: a window becomes 0..255."""
    if window is None or window == "dicom":
        low, high = (0.0, 255.0) if window is None else (0.0, 1.0)
    else:
        low, high = window
    if (low, high) == (0, 255):
        return pixels.astype(np.uint8, copy=False)
    unit = (pixels.astype(np.float64) - low) / (high - low)
    return (unit.clip(0, 1) * 255).round().astype(np.uint8)


def in_own_range(pixels: Values, window: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Own values of one image in 8 bits, to be looked at: the file's window, else lowest to highest, becomes 0..255."""
    if pixels.dtype == np.uint8:
        return pixels
    low, high = window or (float(pixels.min()), float(pixels.max()))
    return viewable(pixels, (low, high if high > low else low + 1))


def planes_of(image: Image.Image) -> Values:
    """All values of a PIL image that is not loaded yet and has more than 8 bits, (C, H, W), upright.

    Raises:
        BadImage: Pillow can't read the low byte of this form.
    """
    from PIL import ImageOps

    if image.mode == "I" and (top := scaled_from(image)):
        return np.rint(np.asarray(image) * (top / 65535)).astype(np.uint16)[None]
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.asarray(ImageOps.exif_transpose(image))[None]
    try:
        low = _low_bytes(image)
        high = np.asarray(ImageOps.exif_transpose(image), np.uint16)
        found = (high << 8) | np.asarray(ImageOps.exif_transpose(low), np.uint16)
    except (ValueError, KeyError) as error:
        raise BadImage(f"16 bits per channel of the form {_raw_mode(image)}, of which only 8 can be read") from error
    return np.moveaxis(found, 2, 0)


def scaled_from(image: Any) -> int:
    """Value of white in a PPM or PGM file whose values Pillow scales when it loads them; 0 for other images."""
    args = image.tile[0][-1] if image.format == "PPM" and image.tile else None
    return int(args[1]) if isinstance(args, tuple) else 0


def _low_bytes(image: Any) -> Image.Image:
    """Open the file of an image of 16 bits in several channels again, as an image of the low bytes.

    Pillow has no mode for such images, and reads the high byte of each value.
    """
    from PIL import Image

    image.fp.seek(0)
    low: Any = Image.open(io.BytesIO(image.fp.read()))
    low.tile = [tile._replace(args=_with_other_byte(tile.args)) for tile in low.tile]
    low.load()
    return low  # type: ignore[no-any-return]


def _with_other_byte(args: Any) -> Any:
    mode, *rest = (args,) if isinstance(args, str) else args
    other = mode[:-4] + _OTHER_BYTE[mode[-4:]]
    return other if isinstance(args, str) else (other, *rest)


def _raw_mode(image: Any) -> str:
    return ", ".join(sorted({str(tile.args if isinstance(tile.args, str) else tile.args[0]) for tile in image.tile}))


def without_alpha(planes: Values, top: float) -> Values:
    """Colours (C, H, W) over white, of planes whose last one is their opacity.

    Args:
        planes: uint16 (C + 1, H, W).
        top: value of white, and of full opacity.
    """
    opacity = planes[-1] / top
    return rounded(planes[:-1] * opacity + top * (1 - opacity), planes.dtype)


def in_channels(planes: Values, in_chans: int) -> Values:
    """Grey to colour, or colour to grey, (C, H, W)."""
    if len(planes) == in_chans:
        return planes
    if in_chans == 3:
        return planes.repeat(3, axis=0)
    grey = np.tensordot(_LUMA, planes.astype(np.float64), axes=1)[None]
    return rounded(grey, planes.dtype)


def rounded(values: Values, dtype: np.dtype[Any]) -> Values:
    """Convert computed values to a type of pixels, whole numbers by rounding."""
    if dtype.kind == "f":
        return values.astype(dtype)
    return values.round().clip(0, np.iinfo(dtype).max).astype(dtype)
