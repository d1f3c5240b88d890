"""What a split becomes: a row an image, of pixels and label, in memory or in the files of a store."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import (
    Label,
    Pixels,
    Shape,
    WrongChannels,
    is_multilabel,
    label_index,
    opened,
    read_item,
    to_pixels,
)
from zoo.data.depth import depth_of
from zoo.data.fingerprint import threaded
from zoo.data.item_names import name_of
from zoo.data.split import Labels
from zoo.errors import BadImage

Progress = Callable[[int, int], None]
NewArray = Callable[[str, tuple[int, ...], Any], NDArray[Any]]

IMAGES, LABELS, KEPT = "images.npy", "labels.npy", "kept.npy"


@dataclass
class Rows:
    """Decoded images, with room for all of a dataset's; what bad ones leave over stays unused at the end.

    Args:
        images: uint8 (N, H, W, C); None where pixels are only checked.
        labels: int64 (N,); of several labels float32 (N, K) of 0 and 1.
        kept: int64 (N,), which of the dataset's items each row is.
        skipped: ``{"index", "reason"}`` of each item that can't be decoded.
        count: how many rows are used.
        depths: of the images of more than 8 bits, how many there are of each depth.
    """

    images: Pixels | None
    labels: Labels
    kept: NDArray[np.int64]
    skipped: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    depths: Counter[str] = field(default_factory=Counter)

    def add(self, index: int, pixels: Pixels, label: Label) -> None:
        row = self.count
        if self.images is not None:
            self.images[row] = pixels
        self.kept[row] = index
        if isinstance(label, tuple):
            self.labels[row, list(label)] = 1
        else:
            self.labels[row] = label
        self.count += 1

    def used(self) -> Rows:
        """Without what is left over."""
        images = None if self.images is None else self.images[: self.count]
        labels, kept = self.labels[: self.count], self.kept[: self.count]
        return Rows(images, labels, kept, self.skipped, self.count, self.depths)

    def flush(self) -> None:
        """Have the files of a store on the disk."""
        for array in (self.images, self.labels, self.kept):
            if isinstance(array, np.memmap):
                array.flush()


def new_rows(dataset: Any, shape: Shape, new_array: NewArray, *, pixels: bool) -> Rows:
    """Empty rows for a dataset; ``new_array`` makes each of their arrays, of zeros, by its file's name."""
    count, side = len(dataset), shape.size
    images = new_array(IMAGES, (count, side, side, shape.in_chans), np.uint8) if pixels else None
    several = is_multilabel(dataset)
    labels = new_array(LABELS, (count, *([len(dataset.classes)] * several)), np.float32 if several else np.int64)
    return Rows(images, labels, new_array(KEPT, (count,), np.int64))


def in_memory(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """A new array of zeros."""
    del name
    return np.zeros(shape, dtype)


def in_files(folder: Path) -> NewArray:
    """What makes new arrays as files in a folder, mapped into memory."""

    def new(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        array = np.lib.format.open_memmap(folder / name, mode="w+", dtype=dtype, shape=shape)
        if hasattr(os, "posix_fallocate"):  # a page of a map that has no room on the disk kills the process
            with (folder / name).open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, (folder / name).stat().st_size)
        return array

    return new


def fill(rows: Rows, dataset: Any, shape: Shape, progress: Progress) -> Rows:
    """Decode a dataset into rows, from the front.

    Raises:
        ContractError: the dataset gives something that is no image.
        WrongChannels: an image has another number of channels than the job's.
    """
    for index, pixels, label, depth in _decoded(dataset, shape):
        if isinstance(pixels, str):
            rows.skipped.append({"index": index, "reason": pixels})
        else:
            rows.add(index, pixels, label)
            rows.depths.update(filter(None, [depth]))
        progress(index + 1, len(dataset))
    return rows.used()


def _decoded(dataset: Any, shape: Shape) -> Iterator[tuple[int, Pixels | str, Label, str | None]]:
    """(index, pixels or the reason why not, label, depth), in order."""

    def one(index: int) -> tuple[int, Pixels | str, Label, str | None]:
        try:
            item, label = read_item(dataset, index)
            item = opened(item) if isinstance(item, Path) else item
            depth = depth_of(item)
            return index, to_pixels(item, *shape), label, depth
        except BadImage as error:
            return index, str(error), -1, None
        except WrongChannels as error:
            raise WrongChannels(error.found, error.wanted, name_of(dataset, index)) from error

    return threaded(one, len(dataset))


def labels_of(dataset: Any, given: Sequence[Any]) -> Labels:
    """Labels of some of a dataset's items, indices or several of them each, as one array.

    Raises:
        ContractError: one is no index.
    """
    if not is_multilabel(dataset):
        labels = np.asarray(given)
        if labels.dtype.kind not in "iub":  # else all are whole, and there may be millions
            labels = np.array([label_index(label) for label in given], np.int64)
        return labels.astype(np.int64).reshape(-1)
    rows = np.zeros((len(given), len(dataset.classes)), np.float32)
    for row, label in zip(rows, given, strict=True):
        row[list(label)] = 1
    return rows
