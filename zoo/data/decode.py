"""One item of a dataset to one array of pixels: the same code for training, evaluation and predict."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.errors import BadImage, ContractError

if TYPE_CHECKING:
    from PIL import Image

Resize = Literal["squash", "crop"]
Pixels = NDArray[np.uint8]

# Changes whenever the same file would give other pixels, so that an old store is not taken for a new one.
DECODER = 1


def to_pixels(item: Any, size: int, in_chans: int, resize: Resize = "squash") -> Pixels:
    """Decode, orient, convert and resize.

    Args:
        item: a PIL image, opened but perhaps not loaded, or a uint8 tensor or array (C, H, W).
        size: side of the result in pixels.
        in_chans: 1 (grey), 3 (colour), or the tensor's own number of channels.
        resize: ``squash`` both sides to ``size``, or scale the shorter side and ``crop`` the middle.

    Returns:
        uint8 (size, size, in_chans).

    Raises:
        BadImage: the file can't be decoded.
        ContractError: the item is neither an image nor a uint8 array of three dimensions.
    """
    from PIL import Image

    if isinstance(item, Image.Image):
        try:
            return _from_pil(item, size, in_chans, resize)
        except decode_errors() as error:
            raise BadImage(_reason(error)) from error
    array = np.asarray(item)
    if array.dtype != np.uint8 or array.ndim != 3 or array.size == 0:
        raise ContractError(
            f"a dataset's image must be a PIL image or uint8 (C, H, W), not {array.dtype} {array.shape}"
        )
    return _from_array(array, size, in_chans, resize)


def decode_errors() -> tuple[type[Exception], ...]:
    """What Pillow raises for files that are truncated, of another format, or made to exhaust memory."""
    from PIL import Image

    odd = (ValueError, TypeError, SyntaxError, LookupError, OverflowError, struct.error)
    return (OSError, EOFError, Image.DecompressionBombError, *odd)


def read_item(dataset: Any, index: int) -> tuple[Any, int]:
    """``dataset[index]``, with a file that can't be opened as :class:`BadImage`.

    Raises:
        ContractError: the label is no number.
    """
    try:
        image, label = dataset[index]
    except decode_errors() as error:
        if not isinstance(error, OSError) and not _raised_by_pillow(error):
            raise  # a fault of the dataset's own, not of a file
        raise BadImage(_reason(error)) from error
    try:
        return image, int(label)
    except (TypeError, ValueError) as error:
        raise ContractError(f"a dataset's label must be an index into its classes, not {label!r}") from error


def _raised_by_pillow(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("PIL.")


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    text = str(error).split("'")[0].strip() or type(error).__name__
    return "not an image that can be read" if text.startswith("cannot identify") else text


def _from_pil(image: Image.Image, size: int, in_chans: int, resize: Resize) -> Pixels:
    from PIL import ImageOps

    _draft(image, size, resize)
    image = ImageOps.exif_transpose(image)
    image = _to_mode(image, in_chans)
    return np.asarray(_resized(image, size, resize)).reshape(size, size, in_chans)


def _draft(image: Image.Image, size: int, resize: Resize) -> None:
    """Let a JPEG decode at a half, quarter or eighth of its size, where twice the target still remains."""
    if image.format == "JPEG" and image.mode in ("RGB", "L") and resize == "squash":
        image.draft(None, (2 * size, 2 * size))


def _to_mode(image: Image.Image, in_chans: int) -> Image.Image:
    """Grey or colour from whatever there is: palette, CMYK, 16-bit, transparent (over white)."""
    from PIL import Image

    wanted = {1: "L", 3: "RGB"}.get(in_chans)
    if wanted is None:
        raise ContractError(f"a picture file has 1 or 3 channels, not {in_chans}: set data.in_chans to 1 or 3")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(wanted)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit greys keep their high byte; wider ones are scaled by their own largest value."""
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    top = 65535.0 if image.mode != "F" and values.max(initial=0) <= 65535 else max(values.max(initial=0), 1e-12)
    return Image.fromarray((values.clip(min=0) / top * 255).round().astype(np.uint8))


def _resized(image: Image.Image, size: int, resize: Resize) -> Image.Image:
    from PIL import Image, ImageOps

    if resize == "crop":
        return ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return image if image.size == (size, size) else image.resize((size, size), Image.Resampling.BILINEAR)


def _from_array(array: Pixels, size: int, in_chans: int, resize: Resize) -> Pixels:
    from PIL import Image

    planes = [_resized(Image.fromarray(plane), size, resize) for plane in array]
    pixels = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    if pixels.shape[-1] == in_chans:
        return pixels
    if {pixels.shape[-1], in_chans} == {1, 3}:
        picture = Image.fromarray(pixels[..., 0] if in_chans == 3 else pixels)
        return np.asarray(picture.convert("L" if in_chans == 1 else "RGB")).reshape(size, size, in_chans)
    raise ContractError(f"the dataset's images have {pixels.shape[-1]} channels, the job's data.in_chans is {in_chans}")
