"""Image files, whole or cut at a box, in the orientation in which they were annotated."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Box", "FilePictures", "Region", "bounds", "turned_corners"]

_ORIENTATION = 0x0112
"""Tag of EXIF that says how a picture has to be turned; 1 is upright."""


class Box(NamedTuple):
    """A rectangle in a picture: its edges in pixels, or as fractions of the picture's width and height."""

    left: float
    top: float
    right: float
    bottom: float
    relative: bool = False

    @property
    def empty(self) -> bool:
        """True for a box without an area, or with a NaN or infinite edge."""
        return not (math.isfinite(sum(self[:4])) and self.left < self.right and self.top < self.bottom)

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Whole pixels that the box touches within a picture: left, top, right, bottom."""
        x, y = (width, height) if self.relative else (1, 1)
        # A ten-thousandth of a pixel is a rounding error of text such as 0.333333 of 300 pixels, not a further pixel.
        edges = (math.floor(self.left * x + 1e-4), math.floor(self.top * y + 1e-4))
        far = (math.ceil(self.right * x - 1e-4), math.ceil(self.bottom * y - 1e-4))
        return max(edges[0], 0), max(edges[1], 0), min(far[0], width), min(far[1], height)


def bounds(points: Sequence[tuple[float, float]], *, relative: bool = False) -> Box:
    """Smallest box around points, such as the corners of a polygon or of a rotated box."""
    across, down = [x for x, _ in points], [y for _, y in points]
    return Box(min(across), min(down), max(across), max(down), relative)


def turned_corners(
    edges: tuple[float, float, float, float], degrees: float, about: tuple[float, float]
) -> list[tuple[float, float]]:
    """Corners of a box (left, top, right, bottom) after a clockwise turn about a point."""
    left, top, right, bottom = edges
    angle = math.radians(degrees)
    found = []
    for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
        across, down = x - about[0], y - about[1]
        found.append(
            (
                about[0] + across * math.cos(angle) - down * math.sin(angle),
                about[1] + across * math.sin(angle) + down * math.cos(angle),
            )
        )
    return found


class Region(NamedTuple):
    """A picture file, whole or a box of it.

    Args:
        path: the file.
        box: the box to cut out; None for the whole picture.
        number: number of the box in its picture, from 1.
        size: width and height in pixels as annotated, where known; of a picture that EXIF turns they show
            whether the box is in the turned picture.
    """

    path: str
    box: Box | None = None
    number: int = 0
    size: tuple[int, int] | None = None


class FilePictures:
    """Picture files, and boxes of them."""

    def open(self, place: Region) -> Image | Path | Any:
        """Open a file, or cut a box out of it.

        Raises:
            OSError: the file is missing or unreadable, its size is not the annotated one, or the box is outside of it.
        """
        from zoo.api.formats import open_picture

        path = Path(place.path)
        if path.suffix.lower() == ".npy":
            return path if place.box is None else _cut_array(path, place)
        image = open_picture(path)
        return image if place.box is None else _cut(image, place.box, place.size)

    def name(self, place: Region) -> str:
        """Path of the file, with the number of the box."""
        return place.path if place.box is None else f"{place.path}, box {place.number}"

    def fingerprint(self, places: Sequence[Region]) -> str | None:
        """Hash of the files and boxes; None for whole pictures."""
        if all(place.box is None for place in places):
            return None
        from zoo.api.images import threaded

        paths = sorted({place.path for place in places})
        digest = dict(zip(paths, threaded(lambda i: _digest(paths[i]), len(paths)), strict=True))
        whole = hashlib.sha256()
        for place in places:
            whole.update(f"{digest[place.path]} {place.box} {place.size}\n".encode())
        return whole.hexdigest()


def _digest(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _cut(image: Image, box: Box, size: tuple[int, int] | None) -> Image:
    from PIL import ImageOps

    orientation = image.getexif().get(_ORIENTATION, 1)
    sideways = orientation in (5, 6, 7, 8)
    turned = image.size[::-1] if sideways else image.size
    if orientation != 1 and size in (None, turned):
        image = ImageOps.exif_transpose(image)
    return image.crop(_within(box, size, image.size))


def _cut_array(path: Path, place: Region) -> Any:
    from zoo.api.images import open_image

    array = open_image(path)
    assert place.box is not None
    left, top, right, bottom = _within(place.box, place.size, (array.shape[2], array.shape[1]))
    return array[:, top:bottom, left:right]


def _within(box: Box, annotated: tuple[int, int] | None, size: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size
    if annotated is not None and annotated != size:
        raise OSError(f"it has {width} x {height} pixels, its annotation says {annotated[0]} x {annotated[1]}")
    left, top, right, bottom = box.pixels(width, height)
    if left >= right or top >= bottom:
        raise OSError(f"its box is outside of its {width} x {height} pixels")
    return left, top, right, bottom
