"""Decoded images of a split as rows of arrays, in memory or in the files of a store."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import Pixels, Shape, WrongChannels, loses_values, opened, read_item, to_pixels
from zoo.data.depth import MIXED
from zoo.data.fingerprint import threaded
from zoo.data.item_names import name_of
from zoo.data.labels import ItemValues, Label, label_index
from zoo.data.split import Labels
from zoo.data.task_words import MULTI_LABEL, REGRESSION, dataset_task
from zoo.errors import BadImage, ContractError, DataError
from zoo.plugin import PictureValues

Progress = Callable[[int, int], None]
NewArray = Callable[[str, tuple[int, ...], Any], NDArray[Any]]

IMAGES, LABELS, KEPT = "images.npy", "labels.npy", "kept.npy"
BYTES = np.dtype(np.uint8)
_LOOKED_AT = 16
"""Number of images, evenly spread, whose type of pixels is determined before a store is allocated."""


class WiderPixels(Exception):
    """Raised where an image has a wider type of pixels than the rows.

    Args:
        dtype: type that holds the pixels of both.
    """

    def __init__(self, dtype: np.dtype[Any]):
        super().__init__(str(dtype))
        self.dtype = dtype


@dataclass(frozen=True)
class Decoding:
    """One decoded item: its pixels, or the reason why there are none; its label; what is lost of it; and its group."""

    index: int
    pixels: Pixels | str
    label: Label = -1
    lost: str | None = None
    group: str | None = None


@dataclass
class Rows:
    """Decoded images in arrays with room for a whole dataset; the rows of skipped images stay unused at the end.

    Args:
        images: (N, H, W, C), uint8, uint16 or float32; None where images are only checked.
        labels: int64 (N,); float32 (N, K) of 0 and 1 for multi-label datasets; float64 (N, K) of values.
        kept: int64 (N,), index of each row's item in the dataset.
        skipped: ``{"index", "reason"}`` of each item that can't be decoded.
        count: number of used rows.
        depths: number of images of each depth of which something is lost.
        dtype: type of the pixels.
        groups: group of each row, from its file; None for each where no file has one.
    """

    images: Pixels | None
    labels: Labels
    kept: NDArray[np.int64]
    skipped: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    depths: Counter[str] = field(default_factory=Counter)
    dtype: np.dtype[Any] = BYTES
    groups: list[str | None] = field(default_factory=list)

    def add(self, index: int, pixels: Pixels, label: Label, group: str | None = None) -> None:
        """Add an image.

        Raises:
            WiderPixels: the rows can't hold its pixels.
        """
        row = self.count
        if not np.can_cast(pixels.dtype, self.dtype):
            raise WiderPixels(np.promote_types(pixels.dtype, self.dtype))
        if self.images is not None:
            self.images[row] = pixels
        self.kept[row] = index
        self.groups.append(group)
        if isinstance(label, ItemValues):
            self.labels[row] = np.array(label)
        elif isinstance(label, tuple):
            self.labels[row, list(map(int, label))] = 1
        else:
            self.labels[row] = label
        self.count += 1

    def used(self) -> Rows:
        """Return the used rows, as views."""
        images = None if self.images is None else self.images[: self.count]
        labels, kept = self.labels[: self.count], self.kept[: self.count]
        return Rows(images, labels, kept, self.skipped, self.count, self.depths, self.dtype, self.groups)

    def flush(self) -> None:
        """Flush memory-mapped arrays to the disk."""
        for array in (self.images, self.labels, self.kept):
            if isinstance(array, np.memmap):
                array.flush()


def decoded(dataset: Any, shape: Shape, new_array: NewArray, progress: Progress, *, pixels: bool) -> Rows:
    """Decode a dataset into rows of the type that holds the pixels of all its images.

    The type is that of some images; where another one is wider, decoding starts again with its type.

    Args:
        new_array: makes each zero-filled array, given its file name.
        pixels: keep the pixels, instead of checking the images only.

    Raises:
        ContractError, WrongChannels: as :func:`fill` raises them.
    """
    dtype = dtype_of(dataset, shape)
    while True:
        try:
            return fill(new_rows(dataset, shape, new_array, dtype, pixels=pixels), dataset, shape, progress)
        except WiderPixels as wider:
            dtype = wider.dtype


def dtype_of(dataset: Any, shape: Shape) -> np.dtype[Any]:
    """Type of the pixels of some of a dataset's images; that of 8 bits where none can be decoded."""
    found = BYTES
    if shape.values == "8-bit":
        return found
    small = shape._replace(size=1, resize="squash")
    for index in np.unique(np.linspace(0, len(dataset) - 1, _LOOKED_AT).astype(int)).tolist():
        with contextlib.suppress(BadImage, DataError, ContractError):  # the run reports it when it decodes the image
            found = np.promote_types(found, to_pixels(read_item(dataset, index)[0], *small).dtype)
    return found


def new_rows(dataset: Any, shape: Shape, new_array: NewArray, dtype: np.dtype[Any] = BYTES, *, pixels: bool) -> Rows:
    """Allocate rows for a dataset; ``new_array`` makes each zero-filled array, given its file name."""
    count, side = len(dataset), shape.size
    images = new_array(IMAGES, (count, side, side, shape.in_chans), dtype) if pixels else None
    task, many = dataset_task(dataset), (count, len(dataset.classes))
    of_task = {MULTI_LABEL: (many, np.float32), REGRESSION: (many, np.float64)}
    labels = new_array(LABELS, *of_task.get(task, ((count,), np.int64)))
    return Rows(images, labels, new_array(KEPT, (count,), np.int64), dtype=dtype)


def in_memory(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Allocate a zero-filled array in memory."""
    del name
    return np.zeros(shape, dtype)


def in_files(folder: Path) -> NewArray:
    """Return a function that allocates zero-filled arrays as memory-mapped files in a folder."""

    def new(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        array = np.lib.format.open_memmap(folder / name, mode="w+", dtype=dtype, shape=shape)
        if hasattr(os, "posix_fallocate"):  # writing to a map without disk space kills the process
            with (folder / name).open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, (folder / name).stat().st_size)
        return array

    return new


def fill(rows: Rows, dataset: Any, shape: Shape, progress: Progress) -> Rows:
    """Decode a dataset into rows, in order.

    Raises:
        ContractError: an item of the dataset is not an image.
        WrongChannels: the number of channels of an image differs from the job's.
        WiderPixels: an image has a wider type of pixels than the rows.
    """
    narrow = 0
    for found in _decoded(dataset, shape):
        if isinstance(found.pixels, str):
            rows.skipped.append({"index": found.index, "reason": found.pixels})
        else:
            rows.add(found.index, found.pixels, found.label, found.group)
            rows.depths.update(filter(None, [found.lost]))
            narrow += found.pixels.dtype == BYTES
        progress(found.index + 1, len(dataset))
    if rows.dtype != BYTES and narrow:
        rows.depths[MIXED] = narrow
    return rows.used()


def _decoded(dataset: Any, shape: Shape) -> Iterator[Decoding]:
    """Yield each item of a dataset decoded, in order."""

    def one(index: int) -> Decoding:
        try:
            item, label = read_item(dataset, index)
            item = opened(item) if isinstance(item, Path) else item
            lost = loses_values(item, shape.values, shape.in_chans)
            group = item.group if isinstance(item, PictureValues) else None
            return Decoding(index, to_pixels(item, *shape), label, lost, group)
        except BadImage as error:
            return Decoding(index, str(error))
        except WrongChannels as error:
            raise WrongChannels(error.found, error.wanted, name_of(dataset, index)) from error

    return threaded(one, len(dataset))


def labels_of(dataset: Any, given: Sequence[Any]) -> Labels:
    """Convert labels of dataset items, class indices, tuples of them or values, to one array.

    Raises:
        ContractError: a label is not a class index.
    """
    task = dataset_task(dataset)
    if task == REGRESSION:
        return np.array([tuple(label) for label in given], np.float64).reshape(len(given), len(dataset.classes))
    if task != MULTI_LABEL:
        labels = np.asarray(given)
        if labels.dtype.kind not in "iu":  # integer arrays need no check, and there may be millions
            labels = np.array([label_index(label) for label in given], np.int64)
        return labels.astype(np.int64).reshape(-1)
    rows = np.zeros((len(given), len(dataset.classes)), np.float32)
    for row, label in zip(rows, given, strict=True):
        row[list(label)] = 1
    return rows
