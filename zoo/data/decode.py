"""Decoding of a dataset's item to an array of pixels, shared by training, evaluation and predict."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.data.array_files import read_array
from zoo.data.depth import PAGES, SIXTEEN, TEN, WIDER, depth_of
from zoo.data.labels import Label, label_of
from zoo.data.own_values import (
    as_stored,
    eight_bits,
    in_channels,
    loses_digits,
    planes_of,
    rounded,
    windowed,
    without_alpha,
)
from zoo.data.picture_formats import ARRAY_FILES, FormatNotInstalled, open_picture, read_by_plugin
from zoo.errors import BadImage, ContractError, DataError
from zoo.plugin import Interpolation, PictureValues

if TYPE_CHECKING:
    from PIL import Image

Resize = Literal["squash", "crop"]
ValuesKept = Literal["8-bit", "own", "dicom"]
"""Which values of an image are kept: 8 bits; its own as uint8, uint16 or float32; or 0..1 of the file's own window."""
Pixels = NDArray[Any]
"""Decoded pixels: uint8; of images that keep their own values uint16 or float32 too."""

ARRAYS = ".npy"
"""Suffix of NumPy files, which are images too."""

# Incremented whenever decoding changes pixels, so that older stores are not reused.
DECODER = 2

_BITS, _SAMPLES, _PLANAR, _SEPARATE = 258, 277, 284, 2  # TIFF 6.0, sections 4, 5 and 8
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
        values: the values that are kept, see :data:`ValuesKept`.
    """

    size: int
    in_chans: int
    resize: Resize = "squash"
    interpolation: Interpolation = "bilinear"
    crop_pct: float = 1.0
    values: ValuesKept = "8-bit"

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
    values: ValuesKept = "8-bit",
) -> Pixels:
    """Decode, orient, convert and resize an image.

    Args:
        item: a PIL image, opened but perhaps not loaded, a tensor or array of numbers (C, H, W), or the path of a file,
            as :func:`open_image` opens it.
        size, in_chans, resize, interpolation, crop_pct, values: see :class:`Shape`.

    Returns:
        (size, size, in_chans), uint8 unless ``values`` keeps others.

    Raises:
        BadImage: the file can't be decoded.
        WrongChannels: the number of channels differs; greyscale and colour are converted into each other.
        ContractError: the item is neither an image nor an array of numbers in three dimensions.
    """
    from PIL import Image

    shape = Shape(size, in_chans, resize, interpolation, crop_pct, values)
    if isinstance(item, Path):
        item = opened(item)
    try:
        if (planes := _own_planes(item, shape)) is not None:
            return _resized_values(planes, shape)
        if isinstance(item, Image.Image):
            return _from_pil(item, shape)
    except decode_errors() as error:
        raise BadImage(_reason(error)) from error
    return _from_array(_reduced(item), shape.in_chans, shape)


def _own_planes(item: Any, shape: Shape) -> Pixels | None:
    """Values of an image to be kept, (in_chans, H, W); None for those of 8 bits, which need no other path."""
    from PIL import Image

    if shape.values == "8-bit":
        return None
    if shape.values == "dicom":
        picture = item if isinstance(item, PictureValues) else PictureValues(item)
        return _with_channels(windowed(picture), shape.in_chans)
    if isinstance(item, Image.Image):
        return None if depth_of(item) in (None, TEN) else _deep_planes(item, shape.in_chans)
    array = _numbers(item)
    return None if array.dtype in (np.uint8, bool) else _with_channels(as_stored(array), shape.in_chans)


def _numbers(item: Any) -> NDArray[Any]:
    """An image's numbers (C, H, W).

    Raises:
        ContractError: the item is not an array of real numbers in three dimensions.
    """
    array = np.asarray(item)
    if array.dtype.kind not in "buif" or array.ndim != 3 or array.size == 0:
        raise ContractError(
            "an image of a dataset must be a Path, a PIL image or an array of numbers (C, H, W), not "
            f"{array.dtype} {array.shape}"
        )
    return array


def _reduced(item: Any) -> NDArray[np.uint8]:
    """An array of an image in 8 bits, (C, H, W)."""
    return eight_bits(_numbers(item), item.window if isinstance(item, PictureValues) else None)


def _with_channels(planes: Pixels, in_chans: int) -> Pixels:
    if len(planes) != in_chans and {len(planes), in_chans} != {1, 3}:
        raise WrongChannels(len(planes), in_chans)
    return in_channels(planes, in_chans)


def _deep_planes(image: Image.Image, in_chans: int) -> Pixels:
    """Values (in_chans, H, W) of an image of more than 8 bits: of its pages, or of the bands of a single page."""
    from PIL import ImageSequence

    pages = int(getattr(image, "n_frames", 1))
    if in_chans not in (1, 3) and pages > 1:
        if pages != in_chans:
            raise WrongChannels(pages, in_chans)
        found = [as_stored(np.array(page)) for page in ImageSequence.Iterator(image)]
        if len({plane.shape for plane in found}) > 1 or found[0].ndim != 2:
            raise BadImage("its pages differ in size, or have several bands")
        return np.stack(found)
    planes = as_stored(planes_of(image))
    if in_chans in (1, 3) and len(planes) in (2, 4):
        planes = without_alpha(planes, 65535)
    return _with_channels(planes, in_chans)


def loses_values(item: Any, values: ValuesKept, in_chans: int | None = None) -> str | None:
    """What is lost of an opened image: its pages, or its depth as :func:`zoo.data.depth.depth_of` says it, or None."""
    if in_chans in (1, 3) and getattr(item, "format", None) == "TIFF" and getattr(item, "n_frames", 1) > 1:
        return PAGES
    if values == "dicom":
        return None
    depth = depth_of(item)
    if values == "8-bit" or depth in (None, TEN):
        return depth
    return WIDER if depth != SIXTEEN and loses_digits(np.asarray(item)) else None


def full_size(item: Any, in_chans: int, values: ValuesKept = "8-bit") -> Pixels:
    """Decode, orient and convert as :func:`to_pixels` does, in the original size.

    Returns:
        (H, W, in_chans), uint8 unless ``values`` keeps others.

    Raises:
        BadImage, WrongChannels: as :func:`to_pixels` raises them.
    """
    from PIL import Image, ImageOps

    if isinstance(item, Path):
        item = opened(item)
    if (planes := _own_planes(item, Shape(1, in_chans, values=values))) is not None:
        return np.ascontiguousarray(np.moveaxis(planes, 0, 2))
    if isinstance(item, Image.Image):
        try:
            if in_chans in (1, 3):
                image = _to_mode(ImageOps.exif_transpose(item), in_chans)
                return np.array(image).reshape(image.height, image.width, in_chans)
            item = _planes(item, in_chans)
        except decode_errors() as error:
            raise BadImage(_reason(error)) from error
    return _from_array(_reduced(item), in_chans)


def framed(pixels: Pixels, shape: Shape) -> Pixels:
    """Pad images by the margin that a centre crop removes, so that resizing returns them unchanged.

    Args:
        pixels: (N, size, size, C), already resized.
        shape: target shape of that resizing.

    Returns:
        (N, shorter, shorter, C), padded with zeros.
    """
    if shape.shorter == shape.size:
        return pixels
    whole = np.zeros((len(pixels), shape.shorter, shape.shorter, pixels.shape[3]), pixels.dtype)
    begin = round((shape.shorter - shape.size) / 2)
    whole[:, begin : begin + shape.size, begin : begin + shape.size] = pixels
    return whole


def decode_errors() -> tuple[type[Exception], ...]:
    """Exceptions that Pillow raises for truncated files, unknown formats and decompression bombs."""
    from PIL import Image

    odd = (ValueError, TypeError, SyntaxError, LookupError, OverflowError, struct.error)
    return (OSError, EOFError, Image.DecompressionBombError, *odd)


def open_image(source: str | Path | IO[bytes], formats: Sequence[str] | None = None) -> Any:
    """Open an image file: a format of Pillow, a ``.npy`` or ``.npz`` of numbers, or one of a plugin's reader.

    An array is (C, H, W), (H, W, C) or (H, W). With three dimensions, the smaller of the first and the last is the
    channel axis, the first where they are equal. Pickled data is never loaded.

    Args:
        source: a path; or a seekable file that is open for reading, of any format but NumPy's.
        formats: Pillow's names of the formats that Pillow may read; None for all.

    Returns:
        A PIL image whose pixels are not loaded yet, an array (C, H, W), or a :class:`zoo.plugin.PictureValues`.

    Raises:
        OSError, ValueError: the file is missing, unreadable, or no image; ``FormatNotInstalled`` for a format whose
            library is not installed.
    """
    from PIL import UnidentifiedImageError

    if isinstance(source, str | Path) and Path(source).suffix.lower() in ARRAY_FILES:
        return read_array(source)
    try:
        image = open_picture(source, formats)
    except UnidentifiedImageError:
        if (found := read_by_plugin(source)) is None:
            raise
        return found
    if image.format != "TIFF" or not _is_read_in_part(image):
        return image
    return read_by_plugin(source) or image


def _is_read_in_part(tiff: Any) -> bool:
    """Check that Pillow reads some bands of a TIFF file only, or not all bits of its separate planes."""
    bands, planar = int(tiff.tag_v2.get(_SAMPLES, 1)), tiff.tag_v2.get(_PLANAR) == _SEPARATE
    return bands > len(tiff.getbands()) or (planar and bands > 1 and max(tiff.tag_v2.get(_BITS, (8,))) > 8)


def opened(path: Path) -> Any:
    """Open an image as :func:`open_image` does, and raise :class:`BadImage` for files that can't be opened."""
    try:
        return open_image(path)
    except decode_errors() as error:
        raise BadImage(_reason(error)) from error


def channels_of(item: Any) -> int | None:
    """Number of channels of an opened image; None for greyscale and colour.

    An array has channels; a TIFF file with several pages of one band has one channel a page.
    """
    from PIL import Image

    if not isinstance(item, Image.Image):
        count = len(np.asarray(item))
    elif item.format == "TIFF" and len(item.getbands()) == 1:
        count = int(getattr(item, "n_frames", 1))
    else:
        return None
    return None if count in (1, 3) else count


def side_of(item: Any) -> int:
    """Shorter side in pixels of a dataset's image: a PIL image, an array (C, H, W), or a path."""
    from PIL import Image

    image = open_image(item) if isinstance(item, Path) else item
    return int(min(image.size if isinstance(image, Image.Image) else np.asarray(image).shape[-2:]))


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
        return _from_array(_planes(image, shape.in_chans), shape.in_chans, shape)
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
        image = Image.fromarray(eight_bits(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(wanted)


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


def _resized_values(planes: Pixels, shape: Shape) -> Pixels:
    """Resize values (in_chans, H, W) to (size, size, in_chans) of the same type; whole numbers are rounded."""
    from PIL import Image

    if planes.dtype == np.uint8:
        return _from_array(planes, shape.in_chans, shape)
    if planes.shape[1:] == (shape.size, shape.size) and shape.resize == "squash":
        return np.ascontiguousarray(np.moveaxis(planes, 0, 2))
    found = [np.asarray(_resized(Image.fromarray(plane.astype(np.float32)), shape)) for plane in planes]
    return rounded(np.stack(found, axis=-1), planes.dtype)


def _from_array(array: Pixels, in_chans: int, shape: Shape | None = None) -> Pixels:
    """Pixels (H, W, in_chans) of planes (C, H, W) uint8, resized to a shape."""
    from PIL import Image

    if len(array) != in_chans and {len(array), in_chans} != {1, 3}:
        raise WrongChannels(len(array), in_chans)
    planes = list(array) if shape is None else [np.asarray(_resized(Image.fromarray(plane), shape)) for plane in array]
    pixels = np.stack(planes, axis=-1)
    if pixels.shape[-1] == in_chans:
        return pixels
    picture = Image.fromarray(pixels[..., 0] if in_chans == 3 else pixels)
    return np.array(picture.convert("L" if in_chans == 1 else "RGB")).reshape(*pixels.shape[:2], in_chans)
