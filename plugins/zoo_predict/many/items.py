"""One image of many: a file, a member of a tar file, or an address."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from zoo.errors import BadImage
from zoo_predict.fetch import fetch_picture, is_address

__all__ = ["ImageItem", "content"]


class ImageItem(NamedTuple):
    """An image to predict, which can be pickled.

    Args:
        name: the path in the output: as typed or listed; of a member of a tar file its name there.
        path: the absolute path of the file, or the address.
        offset, size: the place of a member's bytes in its tar file; None for other images.
        problem: why there is no image, as for a damaged tar file; empty for an image to read.
    """

    name: str
    path: str
    offset: int | None = None
    size: int | None = None
    problem: str = ""


@contextmanager
def content(item: ImageItem) -> Iterator[Path | bytes]:
    """Give the file of an item, or the bytes of a member of a tar file; a download is deleted afterwards.

    Raises:
        BadImage: there is no such image.
        DataError: an address can't be fetched.
        OSError: the tar file can't be read.
    """
    if item.problem:
        raise BadImage(f"{item.name}: {item.problem}")
    if is_address(item.path):
        with tempfile.TemporaryDirectory(prefix="zoo-predict-") as store:
            yield fetch_picture(item.path, Path(store))
    elif item.offset is None:
        yield Path(item.path)
    else:
        yield _member(item)


def _member(item: ImageItem) -> bytes:
    with Path(item.path).open("rb") as file:
        file.seek(item.offset or 0)
        found = file.read(item.size)
    if len(found) != item.size:
        raise BadImage(f"{item.name}: the tar file {os.path.basename(item.path)} is cut off")  # noqa: PTH119
    return found
