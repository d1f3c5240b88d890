"""Fingerprints of datasets: a key of their content, independent of the location of the files."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageFile

from zoo.data.decode import Pixels, decode_errors, open_image, read_item, to_pixels
from zoo.data.item_names import name_of
from zoo.data.labels import label_of
from zoo.errors import ContractError, DataError

Result = TypeVar("Result")

_AHEAD = 64  # results per thread that may wait to be consumed
_CHANGED = frozenset((".npy", ".npz", ".pgm", ".pnm"))
"""Suffixes of files that version 3 of the decoder decodes to other pixels; stores of other files are reused."""
_LOOKED_AT = 16  # maximum number of items to try until one can be read


def content_key(dataset: Any) -> str | None:
    """Hash of a split's content: its own ``fingerprint``, or the bytes of its files and their labels, in order."""
    own = getattr(dataset, "fingerprint", None)
    if own is not None:
        return hashlib.sha256(f"{own} {len(dataset)}".encode()).hexdigest()
    if not hasattr(dataset, "name_of") or not hasattr(dataset, "targets") or not _are_files(dataset):
        return None
    whole = hashlib.sha256(repr(list(dataset.classes)).encode())
    digests = threaded(lambda index: _file_digest(name_of(dataset, index)), len(dataset))
    for index, (digest, label) in enumerate(zip(digests, dataset.targets, strict=True)):
        known = label_of(dataset, index, label, ".targets: ")
        whole.update(f"{digest} {known}\n".encode())
    return whole.hexdigest()


def threaded(function: Callable[[int], Result], count: int) -> Iterator[Result]:
    """Map ``function`` over 0, 1, 2 … with one thread per core, yielding results in order with bounded read-ahead.

    Reading, hashing and decoding all release the GIL.
    """
    workers = os.cpu_count() or 1
    window = _AHEAD * workers
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, count, window):
            yield from pool.map(function, range(start, min(start + window, count)))


def _are_files(dataset: Any) -> bool:
    """Check that items show their files unchanged, so that the files' bytes determine the content."""
    unseen: tuple[type[Exception], ...] = (DataError, ContractError, *decode_errors())
    for index in range(min(_LOOKED_AT, len(dataset))):
        try:
            item, _ = read_item(dataset, index)
            file = open_image(name := name_of(dataset, index))
            with file if isinstance(file, Image.Image) else contextlib.nullcontext():
                return _is_unread(item, file, name) or np.array_equal(_seen(item), _seen(file))
        except unseen:
            continue
    return False


def _is_unread(item: Any, file: Any, name: str) -> bool:
    """Check that an item is its file, opened but not decoded, so that its pixels need not be compared.

    Reading empties an image's ``tile``; a draft or another page changes it.
    """
    if isinstance(item, Path):
        return item == Path(name)
    if not isinstance(item, ImageFile.ImageFile) or type(item) is not type(file) or item.filename != name:
        return False
    return bool(item.tile) and (item.tile, item.size, item.mode) == (file.tile, file.size, file.mode)


def _seen(image: Any) -> Pixels:
    if isinstance(image, Path):
        image = open_image(image)
    if isinstance(image, Image.Image):
        image.load()  # at full size, without a draft, to compare with decoded images
        return to_pixels(image, 64, 3)
    return np.asarray(image)


def _file_digest(name: str) -> str:
    decoded = " 3" if Path(name).suffix.lower() in _CHANGED else ""
    try:
        with Path(name).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest() + decoded
    except OSError as error:
        return f"unreadable: {error.strerror}"
