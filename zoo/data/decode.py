"""One item of a dataset to one array of pixels: the same code for training, evaluation and predict."""

from __future__ import annotations

import math
import operator
import struct
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.errors import BadImage, ContractError, DataError
from zoo.plugin import Interpolation

if TYPE_CHECKING:
    from PIL import Image

Resize = Literal["squash", "crop"]
Pixels = NDArray[np.uint8]
Label = int | tuple[int, ...]

ARRAYS = ".npy"
"""Files of arrays, which are images too."""

# Changes whenever the same file would give other pixels, so that an old store is not taken for a new one.
DECODER = 2

_MOST_SQUARES = 16  # of a picture that is cut, side by side


class WrongChannels(DataError):
    """An image of another number of channels than the job's."""

    def __init__(self, found: int, wanted: int, place: str = ""):
        self.found, self.wanted = found, wanted
        channels = f"{found} channel{'' if found == 1 else 's'}"
        super().__init__(
            f"{place or 'An image of the dataset'} has {channels}, but the job's data.in_chans is {wanted}. "
            f"Type: --set data.in_chans={found}"
        )


class Shape(NamedTuple):
    """What images become.

    Args:
        size: side in pixels.
        in_chans: 1 (grey), 3 (colour), or the image's own number of channels.
        resize: ``squash`` both sides to ``size``, or scale the shorter side and ``crop`` the middle.
        interpolation: the filter that they are scaled with; smaller ones are smoothed by all but ``nearest``.
        crop_pct: for a crop the shorter side becomes ``floor(size / crop_pct)``, 0 < x <= 1.
    """

    size: int
    in_chans: int
    resize: Resize = "squash"
    interpolation: Interpolation = "bilinear"
    crop_pct: float = 1.0

    @property
    def shorter(self) -> int:
        """What a picture's shorter side is scaled to, in pixels; when it is squashed both are."""
        return math.floor(self.size / self.crop_pct) if self.resize == "crop" else self.size


def to_pixels(
    item: Any,
    size: int,
    in_chans: int,
    resize: Resize = "squash",
    interpolation: Interpolation = "bilinear",
    crop_pct: float = 1.0,
) -> Pixels:
    """Decode, orient, convert and resize.

    Args:
        item: a PIL image, opened but perhaps not loaded, a uint8 tensor or array (C, H, W), or the path of a file, as
            :func:`open_image` opens it.
        size, in_chans, resize, interpolation, crop_pct: as :class:`Shape` has them.

    Returns:
        uint8 (size, size, in_chans).

    Raises:
        BadImage: the file can't be decoded.
        WrongChannels: it has another number of channels; grey becomes colour, and colour grey.
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
            f"a dataset's image that is no Path must be a PIL image or uint8 (C, H, W), not {array.dtype} {array.shape}"
        )
    return _from_array(array, shape)


def full_size(item: Any, in_chans: int) -> Pixels:
    """Decode, orient and convert as :func:`to_pixels` does, and leave the size as it is.

    Returns:
        uint8 (H, W, in_chans).

    Raises:
        BadImage, WrongChannels: as :func:`to_pixels` has them.
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
    """Images that resizing gives back as they are: what a crop would cut off is put around them.

    Args:
        pixels: uint8 (N, size, size, C), resized already.
        shape: how they were.
    """
    if shape.shorter == shape.size:
        return pixels
    whole = np.zeros((len(pixels), shape.shorter, shape.shorter, pixels.shape[3]), np.uint8)
    begin = round((shape.shorter - shape.size) / 2)
    whole[:, begin : begin + shape.size, begin : begin + shape.size] = pixels
    return whole


def decode_errors() -> tuple[type[Exception], ...]:
    """What Pillow raises for files that are truncated, of another format, or made to exhaust memory."""
    from PIL import Image

    odd = (ValueError, TypeError, SyntaxError, LookupError, OverflowError, struct.error)
    return (OSError, EOFError, Image.DecompressionBombError, *odd)


def open_image(path: str | Path) -> Any:
    """A picture file, or a ``.npy`` of uint8 pixels.

    The pixels are (C, H, W), (H, W, C) or (H, W): of three dimensions the smaller of the first and the last is the
    channels', and the first where they are equal. Nothing that is pickled is loaded.

    Returns:
        A PIL image, not loaded yet; or a uint8 array (C, H, W).

    Raises:
        OSError, ValueError: the file is missing, unreadable, or no image.
    """
    from PIL import Image

    if Path(path).suffix.lower() != ARRAYS:
        return Image.open(path)
    try:  # as a map, which is refused where the file is shorter than it says: else that much memory is asked for first
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
    """As :func:`open_image` has it, with what can't be opened as :class:`BadImage`."""
    try:
        return open_image(path)
    except decode_errors() as error:
        raise BadImage(_reason(error)) from error


def _form(array: Any) -> str:
    return f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__


def channels_of(item: Any) -> int | None:
    """How many channels an opened image has where it is neither grey nor colour; else None.

    Of an array the channels; of a file with several pages, as TIFF has them, the pages.
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
    """The shorter side in pixels of an image as a dataset gives it: a PIL image, an array (C, H, W), or a path."""
    from PIL import Image

    image = open_image(item) if isinstance(item, Path) else item
    return int(min(image.size if isinstance(image, Image.Image) else image.shape[-2:]))


def read_item(dataset: Any, index: int) -> tuple[Any, Label]:
    """``dataset[index]``, with a file that can't be opened as :class:`BadImage`.

    Returns:
        The image, and its label: an index; of a dataset with several labels an image, all of its indices, sorted.

    Raises:
        ContractError: the label is no index, or not among the classes'.
    """
    try:
        image, label = dataset[index]
    except decode_errors() as error:
        if not isinstance(error, OSError) and not _raised_by_pillow(error):
            raise  # a fault of the dataset's own, not of a file
        raise BadImage(_reason(error)) from error
    if is_multilabel(dataset):
        return image, label_indices(label, len(dataset.classes))
    return image, label_index(label)


def label_index(label: Any) -> int:
    """One item's label as an index; a float may be one too, if it is whole.

    Raises:
        ContractError: it is none.
    """
    try:
        index = int(label)
        if index == float(label):
            return index
    except (TypeError, ValueError, OverflowError):
        pass
    raise ContractError(f"a dataset's label must be an index into its classes, not {label!r}")


def is_multilabel(dataset: Any) -> bool:
    """Whether the dataset's images may have several labels each."""
    return bool(getattr(dataset, "multilabel", False))


def label_indices(label: Any, count: int) -> tuple[int, ...]:
    """One item's several labels as indices, sorted, each once.

    Args:
        label: a list, tuple or set of indices, or an array or tensor (K,) of 0 and 1.
        count: K, the number of classes.

    Raises:
        ContractError: it is neither.
    """
    try:
        if isinstance(label, list | tuple | set | frozenset):
            found = sorted({operator.index(i) for i in label})
            if set(found) <= set(range(count)):
                return tuple(found)
        elif (array := np.asarray(label)).shape == (count,) and np.isin(array, (0, 1)).all():
            return tuple(int(i) for i in np.flatnonzero(array))
    except TypeError:
        pass  # something in it is no index: told below, as the rest is
    raise ContractError(
        f"the label of an image with several must be a list of indices into its {count} classes, or an array "
        f"({count},) of 0 and 1, not {label!r}"
    )


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


def _from_pil(image: Image.Image, shape: Shape) -> Pixels:
    from PIL import ImageOps

    if shape.in_chans not in (1, 3):
        return _from_array(_planes(image, shape.in_chans), shape)
    _draft(image, shape.shorter)
    image = ImageOps.exif_transpose(image)
    image = _to_mode(image, shape.in_chans)
    return np.asarray(_resized(image, shape)).reshape(shape.size, shape.size, shape.in_chans)


def _draft(image: Image.Image, side: int) -> None:
    """Let a JPEG decode at a half, quarter or eighth of its size, where twice the target still remains."""
    if image.format == "JPEG" and image.mode in ("RGB", "L"):
        image.draft(None, (2 * side, 2 * side))


def _planes(image: Image.Image, in_chans: int) -> Pixels:
    """The pages of a file, or the bands of its only one, as channels: uint8 (C, H, W).

    Raises:
        WrongChannels: there are not so many.
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
        raise BadImage("its pages are not of one size")
    return np.stack(planes)


def _to_mode(image: Image.Image, in_chans: int) -> Image.Image:
    """Grey or colour from whatever there is: palette, CMYK, 16-bit, transparent (over white)."""
    from PIL import Image

    wanted = {1: "L", 3: "RGB"}[in_chans]
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(wanted)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit greys keep their high byte; wider ones are scaled by their own largest value.

    Raises:
        BadImage: a value is not finite: there is no largest one, and no pixel that stands for it.
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
    """Scale the shorter side and cut out the middle, to the pixel as torchvision's Resize and CenterCrop do."""
    image = _without_ends(image)
    width, height = (int(shape.shorter * side / min(image.size)) for side in image.size)
    if image.size != (width, height):
        image = image.resize((width, height), resample)
    left, upper = round((width - shape.size) / 2), round((height - shape.size) / 2)
    return image.crop((left, upper, left + shape.size, upper + shape.size))


def _without_ends(image: Image.Image) -> Image.Image:
    """The middle of a very long picture: to scale the rest, which is cut off anyhow, would exhaust memory."""
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
