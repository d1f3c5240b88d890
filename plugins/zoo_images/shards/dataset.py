"""Dataset of images in shards, with random access."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError
from zoo_images.files import need_split, need_two_classes
from zoo_images.shards.places import Place, place_of
from zoo_images.shards.tars import ShardContents

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["WebDataset"]

_ALL = "all"
_NUMBERS = (
    "The classes have numbers but no names: add a classes.txt to the shards, with the name of class 0 in the "
    "first line."
)


class WebDataset:
    """Images in tar files of the webdataset library, labelled by a ``.cls`` or ``.json`` file or by class folders.

    Splits are the folders ``train/``, ``val/`` and ``test/``, or the first words of the shards' names. A
    ``classes.txt`` names the classes where labels are numbers, one a line, that of 0 first.

    Args:
        root: folder of the shards, or a single shard.
        split: one of ``available_splits(root)``; ``"all"`` too where there is one only.
        field: key of the label in a ``.json``.
        url: https address of a ``shards.json`` from ``zoo shards index``, instead of a folder.
        sha256: SHA-256 of that file in hexadecimal; None skips the check.
        room: disk space in GiB for shards from the web.

    Raises:
        DataError: there are no shards, or one is damaged, not as it is listed, or has an image without a label; a
            number has no name; the training images are of one class only; there is no such split.
        OutputError: a shard from the web can't be kept.
    """

    multilabel = False

    def __init__(
        self,
        root: Path | None,
        split: str,
        field: str = "label",
        url: str | None = None,
        sha256: str | None = None,
        room: float = 20.0,
    ) -> None:
        self.place = place_of(root, field, url, sha256, room)
        splits = self.place.listing.splits
        need_split(split, _splits(splits, _ALL), self.place.name)
        self._shards = next(iter(splits.values())) if split == _ALL else splits[split]
        contents = self.place.contents(self._shards)
        counts = [len(inside.items) for inside in contents]
        self.shards = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        self._begin = np.concatenate([[0], np.cumsum(counts)])
        rows = [(item.offset, item.size) for inside in contents for item in inside.items]
        self._where = np.array(rows, np.int64).reshape(-1, 2)
        keys = [item.key.encode("utf-8", "surrogateescape") for inside in contents for item in inside.items]
        self._keys = np.array(keys)  # fixed-width bytes take a tenth of the memory of strings
        self.classes, self.targets = _labels(contents, self.place)
        if split == "train":
            need_two_classes(self.classes, self.place.name, "Add shards of another class.")
        whole = hashlib.sha256(repr((self.classes, [shard.sha256 for shard in self._shards])).encode())
        whole.update(self._where.tobytes() + self.targets.tobytes())
        self.fingerprint = whole.hexdigest()
        self.source = f"{len(counts)} shards in {self.place.name}"
        numbers = all(name.isdigit() for name in self.classes)
        self.notices = [_NUMBERS] if numbers and self.place.listing.classes is None else []

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        """Open image ``index``: its bytes are read, its pixels are not decoded.

        Raises:
            OSError: the shard is truncated, or the bytes are not an image.
            DataError: the shard can't be downloaded.
        """
        from zoo.api.formats import open_picture

        offset, size = (int(n) for n in self._where[index])
        with self.place.opened(self._shards[self.shards[index]]) as file:
            file.seek(offset)
            data = file.read(size)
        if len(data) < size:
            raise OSError(f"the shard has {len(data):,} bytes, not {size:,}")
        return open_picture(io.BytesIO(data)), int(self.targets[index])

    def name_of(self, index: int) -> str:
        """File name of the shard, and key of the sample in it."""
        key = bytes(self._keys[index]).decode("utf-8", "backslashreplace")
        return f"{self._shards[self.shards[index]].file}:{key}"

    @staticmethod
    def available_splits(
        root: Path | None,
        field: str = "label",
        url: str | None = None,
        sha256: str | None = None,
        room: float = 20.0,
    ) -> tuple[str, ...]:
        """Splits among train, val and test, in this order.

        Raises:
            DataError: see the class.
        """
        return _splits(place_of(root, field, url, sha256, room).listing.splits)


def _splits(splits: Mapping[str, object], *more: str) -> tuple[str, ...]:
    return (*splits, *(more if len(splits) == 1 else ()))


def _labels(
    contents: Sequence[ShardContents], place: Place
) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Names of all classes, and class index of each image."""
    words = [item.label for inside in contents for item in inside.items]
    known = sorted(set(words), key=lambda word: (not word.isdigit(), int(word) if word.isdigit() else 0, word))
    names = place.listing.classes
    if names is not None and all(word.isdigit() for word in known):
        if known and int(known[-1]) >= len(names):
            raise DataError(
                f"The label {known[-1]} in {place.name} has no name: classes.txt names {len(names)}, from 0 to "
                f"{len(names) - 1}. Add a line for each."
            )
        called = {word: names[int(word)] for word in known}
    else:
        called = {word: word for word in known}
    classes = list(dict.fromkeys(called.values()))
    number = {word: classes.index(name) for word, name in called.items()}
    return classes, np.array([number[word] for word in words], np.int64)
