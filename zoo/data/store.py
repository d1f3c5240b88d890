"""The decode-once store: a split's images, decoded and resized, in one memory-mapped file keyed by content.

A later run on the same data reads the store instead of decoding, and a concurrent one waits for it. A dataset without
a content key (its items are neither files nor fingerprinted) is decoded into memory by each run. A split that is too
large for the disk is checked once and then streamed: decoded again for every batch, with equal results. Pixels, labels
and item indices of a store are memory maps of its files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.attributes import Attributes, attributes_of
from zoo.data.decode import Pixels, Shape, read_item, to_pixels
from zoo.data.decoded_rows import Progress, Rows, decoded, dtype_of, in_memory, labels_of
from zoo.data.fingerprint import content_key
from zoo.data.groups import groups_of
from zoo.data.item_names import name_of, names_of
from zoo.data.labels import is_multilabel
from zoo.data.split import Labels
from zoo.data.store_writer import StorePlace, build, new_folder, place_of
from zoo.errors import BadImage, TrainingError
from zoo.storage.files import cache_folder

__all__ = ["Decoded", "Streamed", "content_key", "decode_split", "labels_of", "name_of"]


@dataclass(frozen=True)
class Decoded:
    """Decoded images of a split as arrays; images that can't be decoded are listed, not replaced.

    Args:
        images: (N, H, W, C), uint8, uint16 or float32, or an object that decodes them on access.
        labels: int64 (N,), indices into the dataset's own classes; for multi-label datasets float32 (N, K) of 0 and 1.
        names: names of the N images.
        skipped: ``{"name", "reason"}`` for each image that can't be decoded.
        fingerprint: hash of classes, content and labels.
        shards: int (N,), file number of each image, where a file has many images.
        groups: str (N,), group of each image, where the dataset has groups.
        depths: number of images of each depth of which something is lost.
        attributes: values of the N images by name, where the dataset has attributes.
    """

    images: Pixels | Streamed
    labels: Labels
    names: Sequence[str]
    skipped: list[dict[str, str]]
    fingerprint: str
    shards: NDArray[np.integer] | None = None
    groups: NDArray[np.str_] | None = None
    depths: Mapping[str, int] = field(default_factory=dict)
    attributes: Attributes | None = None


class Streamed:
    """Images of a type that are decoded on access, with one thread per core."""

    def __init__(self, dataset: Any, kept: NDArray[np.int64], shape: Shape, dtype: np.dtype[Any]):
        self.dataset, self.kept, self.shape, self.dtype = dataset, kept, shape, dtype
        self.pool = ThreadPoolExecutor(os.cpu_count())

    def __getitem__(self, rows: NDArray[np.int64]) -> Pixels:
        return np.stack(list(self.pool.map(self._one, rows))).astype(self.dtype, copy=False)

    def _one(self, row: int) -> Pixels:
        index = int(self.kept[row])
        try:
            item, _ = read_item(self.dataset, index)
            return to_pixels(item, *self.shape)
        except BadImage as error:  # the image was valid when it was checked
            raise TrainingError(
                f"{name_of(self.dataset, index)} can no longer be read: {error}. Restore it and resume the run."
            ) from error


def decode_split(dataset: Any, shape: Shape, store: str = "auto", progress: Progress | None = None) -> Decoded:
    """Decode a whole split, or open the store of an earlier decoding.

    Args:
        shape: target shape of the images.
        store: ``disk``, ``stream``, or ``auto``: the disk where the images fit in half of the free space.
        progress: called with the number of decoded images and of all, also while another job decodes the same split.

    Raises:
        ContractError: an item of the dataset is not an image.
        OutputError: the cache can't be written.
    """
    shape, progress = Shape(*shape), progress or (lambda done, total: None)
    content = content_key(dataset)
    if content is None:
        return _unkept(dataset, shape, progress, stream=store == "stream")
    place = _choose(dataset, shape, content, store)
    place.use()
    if not place.is_whole():
        build(place, dataset, shape, progress)
        place.use()
    return _assemble(place.rows(), dataset, shape, content)


def _choose(dataset: Any, shape: Shape, content: str, store: str) -> StorePlace:
    """Choose the store; one that is complete is used regardless of the free disk space."""
    disk, stream = (place_of(content, shape, pixels=pixels) for pixels in (True, False))
    if store == "auto":
        return disk if disk.is_whole() or _fits(len(dataset), shape, dtype_of(dataset, shape)) else stream
    return stream if store == "stream" else disk


def _fits(count: int, shape: Shape, dtype: np.dtype[Any]) -> bool:
    new_folder(cache_folder(), "trying").rmdir()  # raises OutputError if the folder is not writable
    values = count * shape.size * shape.size * shape.in_chans
    return values * dtype.itemsize < shutil.disk_usage(cache_folder()).free / 2


def _unkept(dataset: Any, shape: Shape, progress: Progress, *, stream: bool) -> Decoded:
    """Decode a split without a content key into memory, or check it for streaming."""
    rows = decoded(dataset, shape, in_memory, progress, pixels=not stream)
    if rows.images is None:
        return _assemble(rows, dataset, shape, "")
    labels = rows.labels.tolist()
    if is_multilabel(dataset):
        labels = [tuple(np.flatnonzero(row).tolist()) for row in rows.labels]
    whole = hashlib.sha256(repr((list(dataset.classes), labels)).encode())
    whole.update(np.ascontiguousarray(rows.images).reshape(-1).view(np.uint8).data)
    return _assemble(rows, dataset, shape, whole.hexdigest())


def _assemble(rows: Rows, dataset: Any, shape: Shape, fingerprint: str) -> Decoded:
    """Build the result from rows, with names of this dataset, since an equal one may have filled the store."""
    images = rows.images if rows.images is not None else Streamed(dataset, rows.kept, shape, rows.dtype)
    skipped = [{"name": name_of(dataset, s["index"]), "reason": s["reason"]} for s in rows.skipped]
    shards, groups = getattr(dataset, "shards", None), groups_of(dataset)
    shards = None if shards is None else np.asarray(shards)[rows.kept]
    groups = _groups_of_files(rows) if groups is None else groups[rows.kept]
    names, attributes = names_of(dataset, rows.kept), attributes_of(dataset, np.asarray(rows.kept))
    return Decoded(images, rows.labels, names, skipped, fingerprint, shards, groups, rows.depths, attributes)


def _groups_of_files(rows: Rows) -> NDArray[np.str_] | None:
    """Groups that image files state, where any does; a file without one is a group of its own."""
    if not any(rows.groups):
        return None
    return np.array(
        [f"image {index}" if group is None else group for group, index in zip(rows.groups, rows.kept, strict=False)]
    )
