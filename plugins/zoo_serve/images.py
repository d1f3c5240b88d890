"""Decode untrusted image uploads within limits."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.api.formats import FormatNotInstalled
from zoo.api.images import ARRAYS, EIGHT, Pixels, decode_errors, open_image, other_unit
from zoo.api.models import Classifier
from zoo.errors import BadImage
from zoo.plugin import PictureValues

__all__ = ["FORMATS", "Upload", "decoded", "unit_notice"]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "MPO", "PPM", "JPEG2000", "ICO", "TGA")
"""The formats that Pillow and pi-heif decode themselves; EPS, for example, would be passed to another program."""

Upload = tuple[str | None, bytes]
"""The file's name, if any, and its content."""

_NUMPY = b"\x93NUMPY"


def decoded(upload: Upload, classifier: Classifier, max_pixels: int) -> Pixels:
    """Decode an upload like the model's training images: (size, size, C).

    Raises:
        BadImage: it can't be decoded, or exceeds ``max_pixels``; the message names the file.
    """
    name, content = upload[0] or "the image", upload[1]
    try:
        image = _array(content) if content.startswith(_NUMPY) else _opened(content)
        count = _count_pixels(image, classifier.preprocessing.in_chans)
    except Image.DecompressionBombError as error:
        raise BadImage(f"{name}: far exceeds the limit of {max_pixels:,} pixels") from error
    except FormatNotInstalled as error:
        raise BadImage(f"{name}: {error}") from error
    except decode_errors() as error:
        raise BadImage(f"{name}: not a readable image") from error
    if count > max_pixels:
        raise BadImage(f"{name}: has {count:,} pixels; the limit is {max_pixels:,}")
    return classifier.pixels(image, name)


def unit_notice(pixels: Pixels, classifier: Classifier) -> dict[str, str]:
    """Entry ``notice`` of the answer to an image of another depth or unit than the training images; else nothing."""
    found = other_unit(pixels, classifier.preprocessing.window)
    if found is None:
        return {}
    if found == EIGHT:
        return {"notice": "The image has 8 bits, and the model was trained on larger values."}
    return {"notice": "The image has hardly any contrast in the model's window: send images in its unit."}


def _opened(content: bytes) -> Any:
    """Open an image lazily: only its header is read, unless a plugin's reader reads it."""
    return open_image(BytesIO(content), FORMATS)


def _array(content: bytes) -> PictureValues:
    """Load a ``.npy`` array with the loader for array files, which validates the header against the file's size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{ARRAYS}"
        path.write_bytes(content)
        return PictureValues(open_image(path))


def _count_pixels(image: Any, in_chans: int) -> int:
    if not isinstance(image, Image.Image):
        return int(np.asarray(image)[0].size)
    pages = 1 if in_chans in (1, 3) else int(getattr(image, "n_frames", 1))  # only then are all of them decoded
    return image.width * image.height * pages
