"""Decoding of a dataset's item to an array of pixels, shared by training, evaluation and predict."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.data.labels import Label, label_of
from zoo.data.picture_formats import FormatNotInstalled, open_picture
from zoo.errors import BadImage, ContractError, DataError
from zoo.plugin import Interpolation

if TYPE_CHECKING:
    from PIL import Image

Resize = Literal["squash", "crop"]
Pixels = NDArray[np.uint8]

ARRAYS = ".npy"
"""Suffix of NumPy files, which are images too."""

# Incremented whenever decoding changes pixels, so that older stores are not reused.
DECODER = 2

_MOST_SQUARES = 16  # maximum aspect ratio that is scaled before a crop


class WrongChannels(DataError):
    """Raised for an image whose number of channels differs from the job's."""

    def __init__(self, found: int, wanted: int, place: str = ""):
        self.found, self.wanted = found, wanted
        channels = f"{found} channel{'' if found == 1 else 's'}"
        super().__init__(
            f"{place or 'an image of the dataset'} has {channels}, but the job's data.in_chans is {wanted}. Type: "
            f"--set data.in_chans={found}"
        )


class Shape(NamedTuple):
    """Target shape of decoded images, and the resizing that leads there.

    Args:
        size: side of the square result in pixels.
        in_chans: number of channels: 1 (greyscale), 3 (colour), or the image's own number.
        resize: ``squash`` both sides to ``size``, or scale the shorter side and ``crop`` the middle.
        interpolation: resampling filter; all but ``nearest`` apply antialiasing.
        crop_pct: for a crop the shorter side becomes ``floor(size / crop_pct)``, 0 < x <= 1.
    """

    size: int
    in_chans: int
    resize: Resize = "squash"
    interpolation: Interpolation = "bilinear"
    crop_pct: float = 1.0

    @property
    def shorter(self) -> int:
        """Length in pixels that an image's shorter side is scaled to; with ``squash`` both sides have it."""
        return math.floor(self.size / self.crop_pct) if self.resize == "crop" else self.size


def to_pixels(
    item: Any,
    size: int,
    in_chans: int,
    resize: Resize = "squash",
    interpolation: Interpolation = "bilinear",
    crop_pct: float = 1.0,
) -> Pixels:
    """Decode, orient, convert and resize an image.

    Args:
        item: a PIL image, opened but perhaps not loaded, a uint8 tensor or array (C, H, W), or the path of a file, as
            :func:`open_image` opens it.
        size, in_chans, resize, interpolation, crop_pct: see :class:`Shape`.

    Returns:
        uint8 (size, size, in_chans).

    Raises:
        BadImage: the file can't be decoded.
        WrongChannels: the number of channels differs; greyscale and colour are converted into each other.
        ContractError: the item is neither an image nor a uint8 array of three dimensions.
    """
    from PIL import Image

    shape = Shape(size, in_chans, resize, interpolation, crop_pct)
    if isinstance(item, Path):
        item = opened(item)
    if isinstance(item, Image.Image):
        try:
            return _from_pil(item, shape)
        except decode_errors() as error:
            raise BadImage(_reason(error)) from error
    array = np.asarray(item)
    if array.dtype != np.uint8 or array.ndim != 3 or array.size == 0:
        raise ContractError(
            f"an image of a dataset must be a Path, a PIL image or uint8 (C, H, W), not {array.dtype} {array.shape}"
        )
    return _from_array(array, shape)


def full_size(item: Any, in_chans: int) -> Pixels:
    """Decode, orient and convert as :func:`to_pixels` does, in the original size.

    Returns:
        uint8 (H, W, in_chans).

    Raises:
        BadImage, WrongChannels: as :func:`to_pixels` raises them.
    """
    from PIL import Image, ImageOps

    if isinstance(item, Path):
        item = opened(item)
    if isinstance(item, Image.Image):
        try:
            if in_chans in (1, 3):
                image = _to_mode(ImageOps.exif_transpose(item), in_chans)
                return np.array(image).reshape(image.height, image.width, in_chans)
            item = _planes(item, in_chans)
        except decode_errors() as error:
            raise BadImage(_reason(error)) from error
    array = np.asarray(item)
    if len(array) == in_chans:
        return np.ascontiguousarray(np.moveaxis(array, 0, 2))
    if {len(array), in_chans} != {1, 3}:
        raise WrongChannels(len(array), in_chans)
    picture = Image.fromarray(array[0] if in_chans == 3 else np.ascontiguousarray(np.moveaxis(array, 0, 2)))
    return np.array(picture.convert("L" if in_chans == 1 else "RGB")).reshape(*array.shape[1:], in_chans)


def framed(pixels: Pixels, shape: Shape) -> Pixels:
    """Pad images by the margin that a centre crop removes, so that resizing returns them unchanged.

    Args:
        pixels: uint8 (N, size, size, C), already resized.
        shape: target shape of that resizing.

    Returns:
        uint8 (N, shorter, shorter, C), padded with zeros.
    """
    if shape.shorter == shape.size:
        return pixels
    whole = np.zeros((len(pixels), shape.shorter, shape.shorter, pixels.shape[3]), np.uint8)
    begin = round((shape.shorter - shape.size) / 2)
    whole[:, begin : begin + shape.size, begin : begin + shape.size] = pixels
    return whole


def decode_errors() -> tuple[type[Exception], ...]:
    """Exceptions that Pillow raises for truncated files, unknown formats and decompression bombs."""
    from PIL import Image

    odd = (ValueError, TypeError, SyntaxError, LookupError, OverflowError, struct.error)
    return (OSError, EOFError, Image.DecompressionBombError, *odd)


def open_image(path: str | Path) -> Any:
    """Open an image file, or a ``.npy`` of uint8 pixels.

    The array is (C, H, W), (H, W, C) or (H, W). With three dimensions, the smaller of the first and the last is the
    channel axis, the first where they are equal. Pickled data is never loaded.

    Returns:
        A PIL image whose pixels are not loaded yet; or a uint8 array (C, H, W).

    Raises:
        OSError, ValueError: the file is missing, unreadable, or no image; ``FormatNotInstalled`` for HEIC without
            pi-heif.
    """
    if Path(path).suffix.lower() != ARRAYS:
        return open_picture(path)
    try:  # a memory map fails on truncated files before their claimed size is allocated
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (EOFError, ValueError, TypeError, SyntaxError, OverflowError, MemoryError, TokenError) as error:
        raise OSError("not a NumPy array that can be read without pickle") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.ndim not in (2, 3) or array.size == 0:
        raise OSError(f"not an array of uint8 pixels (C, H, W) or (H, W, C), but {_form(array)}")
    array = np.array(array)
    if array.ndim == 2:
        return array[None]
    return np.ascontiguousarray(array if array.shape[0] <= array.shape[2] else np.moveaxis(array, 2, 0))


def opened(path: Path) -> Any:
    """Open an image as :func:`open_image` does, and raise :class:`BadImage` for files that can't be opened."""
    try:
        return open_image(path)
    except decode_errors() as error:
        raise BadImage(_reason(error)) from error


def _form(array: Any) -> str:
    return f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__


def channels_of(item: Any) -> int | None:
    """Number of channels of an opened image; None for greyscale and colour.

    An array has channels; a TIFF file with several pages has one channel a page.
    """
    from PIL import Image

    if not isinstance(item, Image.Image):
        count = int(item.shape[0])
    elif item.format == "TIFF":
        count = int(getattr(item, "n_frames", 1))
    else:
        return None
    return None if count in (1, 3) else count


def side_of(item: Any) -> int:
    """Shorter side in pixels of a dataset's image: a PIL image, an array (C, H, W), or a path."""
    from PIL import Image

    image = open_image(item) if isinstance(item, Path) else item
    return int(min(image.size if isinstance(image, Image.Image) else image.shape[-2:]))


def read_item(dataset: Any, index: int) -> tuple[Any, Label]:
    """Read ``dataset[index]``, and raise :class:`BadImage` for files that can't be opened.

    Returns:
        The image and its label: a class index, or for multi-label datasets a sorted tuple of indices.

    Raises:
        ContractError: the label is not a valid class index; the message names the item.
    """
    try:
        image, label = dataset[index]
    except decode_errors() as error:
        if not isinstance(error, OSError) and not _raised_by_pillow(error):
            raise  # a bug of the dataset, not a bad file
        raise BadImage(_reason(error)) from error
    return image, label_of(dataset, index, label)


def _raised_by_pillow(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith("PIL.")


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, FormatNotInstalled):
        return str(error)
    text = str(error).split("'")[0].strip() or type(error).__name__
    return "not a readable image" if text.startswith("cannot identify") else text


def _from_pil(image: Image.Image, shape: Shape) -> Pixels:
    from PIL import ImageOps

    if shape.in_chans not in (1, 3):
        return _from_array(_planes(image, shape.in_chans), shape)
    _draft(image, shape.shorter)
    image = ImageOps.exif_transpose(image)
    image = _to_mode(image, shape.in_chans)
    return np.asarray(_resized(image, shape)).reshape(shape.size, shape.size, shape.in_chans)


def _draft(image: Image.Image, side: int) -> None:
    """Let the JPEG decoder reduce the image by 2, 4 or 8, as long as twice the target size remains."""
    if image.format == "JPEG" and image.mode in ("RGB", "L"):
        image.draft(None, (2 * side, 2 * side))


def _planes(image: Image.Image, in_chans: int) -> Pixels:
    """Channels (C, H, W) uint8 from the pages of a file, or from the bands of a single page.

    Raises:
        WrongChannels: the number of pages or bands is not ``in_chans``.
    """
    from PIL import ImageSequence

    pages = int(getattr(image, "n_frames", 1))
    if pages == 1:
        bands = np.atleast_3d(np.asarray(image))
        if bands.shape[2] != in_chans or bands.dtype != np.uint8:
            raise WrongChannels(bands.shape[2], in_chans)
        return np.moveaxis(bands, 2, 0)
    if pages != in_chans:
        raise WrongChannels(pages, in_chans)
    planes = [np.asarray(_to_mode(page, 1)) for page in ImageSequence.Iterator(image)]
    if len({plane.shape for plane in planes}) > 1:
        raise BadImage("its pages differ in size")
    return np.stack(planes)


def _to_mode(image: Image.Image, in_chans: int) -> Image.Image:
    """Convert any image mode to greyscale or colour: palette, CMYK, 16 bits, transparent (over white)."""
    from PIL import Image

    wanted = {1: "L", 3: "RGB"}[in_chans]
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(wanted)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert to 8 bits: 16-bit values keep their high byte; wider ones are scaled by the image's largest value.

    Raises:
        BadImage: a value is NaN or infinite.
    """
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    if bad := int(values.size - np.isfinite(values).sum()):
        raise BadImage(f"{bad:,} of its {values.size:,} values {'is' if bad == 1 else 'are'} NaN or infinite")
    top = 65535.0 if image.mode != "F" and values.max(initial=0) <= 65535 else max(values.max(initial=0), 1e-12)
    return Image.fromarray((values.clip(min=0) / top * 255).round().astype(np.uint8))


def _resized(image: Image.Image, shape: Shape) -> Image.Image:
    from PIL import Image

    resample = Image.Resampling[shape.interpolation.upper()]
    if shape.resize == "crop":
        return _cropped(image, shape, resample)
    side = (shape.size, shape.size)
    return image if image.size == side else image.resize(side, resample)


def _cropped(image: Image.Image, shape: Shape, resample: Image.Resampling) -> Image.Image:
    """Scale the shorter side and crop the centre, pixel-identical to torchvision's Resize and CenterCrop."""
    image = _without_ends(image)
    width, height = (int(shape.shorter * side / min(image.size)) for side in image.size)
    if image.size != (width, height):
        image = image.resize((width, height), resample)
    left, upper = round((width - shape.size) / 2), round((height - shape.size) / 2)
    return image.crop((left, upper, left + shape.size, upper + shape.size))


def _without_ends(image: Image.Image) -> Image.Image:
    """Cut off the ends of a very long image, which the crop discards anyway; scaling them would exhaust memory."""
    longest = _MOST_SQUARES * min(image.size)
    if max(image.size) <= longest:
        return image
    (left, right), (upper, lower) = (((side - longest) // 2, (side + longest) // 2) for side in image.size)
    return image.crop((max(left, 0), max(upper, 0), min(right, image.width), min(lower, image.height)))


def _from_array(array: Pixels, shape: Shape) -> Pixels:
    from PIL import Image

    size, in_chans = shape.size, shape.in_chans
    if len(array) != in_chans and {len(array), in_chans} != {1, 3}:
        raise WrongChannels(len(array), in_chans)
    planes = [_resized(Image.fromarray(plane), shape) for plane in array]
    pixels = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    if pixels.shape[-1] == in_chans:
        return pixels
    picture = Image.fromarray(pixels[..., 0] if in_chans == 3 else pixels)
    return np.asarray(picture.convert("L" if in_chans == 1 else "RGB")).reshape(size, size, in_chans)
