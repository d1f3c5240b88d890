"""What a dataset holds, as one key: the same files anywhere have the same key, and any other content another."""

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

from zoo.data.decode import (
    Pixels,
    decode_errors,
    is_multilabel,
    label_index,
    label_indices,
    open_image,
    read_item,
    to_pixels,
)
from zoo.data.item_names import name_of
from zoo.errors import ContractError, DataError

Result = TypeVar("Result")

_AHEAD = 64  # of each thread: bounds what is made and not yet taken
_LOOKED_AT = 16  # the most items, until one can be read


def content_key(dataset: Any) -> str | None:
    """A hash of all that a split holds: its own ``fingerprint``, or its files' bytes and labels, in order."""
    own = getattr(dataset, "fingerprint", None)
    if own is not None:
        return hashlib.sha256(f"{own} {len(dataset)}".encode()).hexdigest()
    if not hasattr(dataset, "name_of") or not hasattr(dataset, "targets") or not _are_files(dataset):
        return None
    whole = hashlib.sha256(repr(list(dataset.classes)).encode())
    digests = threaded(lambda index: _file_digest(name_of(dataset, index)), len(dataset))
    for digest, label in zip(digests, dataset.targets, strict=True):
        known = label_indices(label, len(dataset.classes)) if is_multilabel(dataset) else label_index(label)
        whole.update(f"{digest} {known}\n".encode())
    return whole.hexdigest()


def threaded(function: Callable[[int], Result], count: int) -> Iterator[Result]:
    """``function`` of 0, 1, 2 … in order, by as many threads as there are cores, and never far ahead.

    Reading, hashing and decoding all let other threads run.
    """
    workers = os.cpu_count() or 1
    window = _AHEAD * workers
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, count, window):
            yield from pool.map(function, range(start, min(start + window, count)))


def _are_files(dataset: Any) -> bool:
    """Whether items show their files as they lie there: what a dataset makes of its files, their bytes don't tell."""
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
    """Whether an item is its file, opened and no more: then nothing was made of it, and it needn't be decoded to know.

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
        image.load()  # in full, as one that comes decoded is
        return to_pixels(image, 64, 3)
    return np.asarray(image)


def _file_digest(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
