"""The decode-once store: a split's images, decoded and resized, in one memory-mapped file keyed by content.

A second run on the same data reads it and decodes nothing, and one that is started meanwhile waits for it. A dataset
whose content has no key (its items are neither files nor fingerprinted) is decoded into memory, each run anew. What
doesn't fit the disk is checked once and then streamed: decoded again for every batch, with equal results.

In memory a store takes nothing for each image: pixels, labels and numbers of the items are maps of its files.
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

from zoo.data.decode import Pixels, Shape, read_item, to_pixels
from zoo.data.decoded_rows import Progress, Rows, fill, in_memory, labels_of, new_rows
from zoo.data.fingerprint import content_key
from zoo.data.groups import groups_of
from zoo.data.item_names import name_of, names_of
from zoo.data.split import Labels
from zoo.data.store_writer import StorePlace, build, new_folder, place_of
from zoo.errors import BadImage, TrainingError
from zoo.storage.files import cache_folder

__all__ = ["Decoded", "Streamed", "content_key", "decode_split", "labels_of", "name_of"]


@dataclass(frozen=True)
class Decoded:
    """A split's images as arrays; what couldn't be decoded is named, and nothing stands in its place.

    Args:
        images: uint8 (N, H, W, C), or what decodes them as they are asked for.
        labels: int64 (N,), indices into the dataset's own classes; of several labels float32 (N, K) of 0 and 1.
        names: N names to show.
        skipped: ``{"name", "reason"}`` for each image that can't be decoded.
        fingerprint: of names, content and labels.
        shards: int (N,), the number of the file that each image is in, of a dataset that has many in one.
        groups: str (N,), what each image's group is called, of a dataset that has groups.
        depths: of the images of more than 8 bits, how many there are of each depth.
    """

    images: Pixels | Streamed
    labels: Labels
    names: Sequence[str]
    skipped: list[dict[str, str]]
    fingerprint: str
    shards: NDArray[np.integer] | None = None
    groups: NDArray[np.str_] | None = None
    depths: Mapping[str, int] = field(default_factory=dict)


class Streamed:
    """Images decoded whenever they are asked for, by as many threads as there are cores."""

    def __init__(self, dataset: Any, kept: NDArray[np.int64], shape: Shape):
        self.dataset, self.kept, self.shape = dataset, kept, shape
        self.pool = ThreadPoolExecutor(os.cpu_count())

    def __getitem__(self, rows: NDArray[np.int64]) -> Pixels:
        return np.stack(list(self.pool.map(self._one, rows)))

    def _one(self, row: int) -> Pixels:
        index = int(self.kept[row])
        try:
            item, _ = read_item(self.dataset, index)
            return to_pixels(item, *self.shape)
        except BadImage as error:  # it was good when it was checked
            raise TrainingError(
                f"{name_of(self.dataset, index)} can no longer be read: {error}. Bring it back and resume the run."
            ) from error


def decode_split(dataset: Any, shape: Shape, store: str = "auto", progress: Progress | None = None) -> Decoded:
    """Decode a whole split, or open the store of one that was decoded before.

    Args:
        shape: what each image becomes.
        store: ``disk``, ``stream``, or ``auto``: the disk where the images fit in half of what is free.
        progress: told (how many, of how many); of another job that decodes the same, while that is waited for.

    Raises:
        ContractError: the dataset gives something that is no image.
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
    """The store to use; one that was decoded before is used whatever is free by now."""
    disk, stream = (place_of(content, shape, pixels=pixels) for pixels in (True, False))
    if store == "auto":
        return disk if disk.is_whole() or _fits(len(dataset), shape) else stream
    return stream if store == "stream" else disk


def _fits(count: int, shape: Shape) -> bool:
    new_folder(cache_folder(), "trying").rmdir()  # says so, if nothing can be written there
    return count * shape.size * shape.size * shape.in_chans < shutil.disk_usage(cache_folder()).free / 2


def _unkept(dataset: Any, shape: Shape, progress: Progress, *, stream: bool) -> Decoded:
    """Decode what has no key into memory, or check what is streamed."""
    rows = fill(new_rows(dataset, shape, in_memory, pixels=not stream), dataset, shape, progress)
    if rows.images is None:
        return _assemble(rows, dataset, shape, "")
    labels = rows.labels.tolist() if rows.labels.ndim == 1 else [tuple(np.flatnonzero(r).tolist()) for r in rows.labels]
    whole = hashlib.sha256(repr((list(dataset.classes), labels)).encode())
    whole.update(rows.images.reshape(-1).data)
    return _assemble(rows, dataset, shape, whole.hexdigest())


def _assemble(rows: Rows, dataset: Any, shape: Shape, fingerprint: str) -> Decoded:
    """Names are as this dataset has them: another one of the same content may have filled the store."""
    images = rows.images if rows.images is not None else Streamed(dataset, rows.kept, shape)
    skipped = [{"name": name_of(dataset, s["index"]), "reason": s["reason"]} for s in rows.skipped]
    shards, groups = getattr(dataset, "shards", None), groups_of(dataset)
    shards = None if shards is None else np.asarray(shards)[rows.kept]
    groups = None if groups is None else groups[rows.kept]
    names = names_of(dataset, rows.kept)
    return Decoded(images, rows.labels, names, skipped, fingerprint, shards, groups, rows.depths)
