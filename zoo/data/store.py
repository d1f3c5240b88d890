"""The decode-once store: a split's images, decoded and resized, in one memory-mapped file keyed by content.

A second run on the same data reads it and decodes nothing. A dataset whose content has no key (its items are
neither files nor fingerprinted) is decoded into memory, each run anew. What doesn't fit the disk is checked once
and then streamed: decoded again for every batch, with equal results.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.data.decode import (
    DECODER,
    Label,
    Pixels,
    Shape,
    WrongChannels,
    decode_errors,
    is_multilabel,
    label_indices,
    open_image,
    read_item,
    to_pixels,
)
from zoo.data.splits import Labels
from zoo.errors import BadImage, ContractError, DataError
from zoo.files import cache_folder, cannot_write, write_json

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Decoded:
    """A split's images as arrays; what couldn't be decoded is named, and nothing stands in its place.

    Args:
        images: uint8 (N, H, W, C), or what decodes them as they are asked for.
        labels: int64 (N,), indices into the dataset's own classes; of several labels float32 (N, K) of 0 and 1.
        names: N names to show.
        skipped: ``{"name", "reason"}`` for each image that can't be decoded.
        fingerprint: of names, content and labels.
    """

    images: Pixels | Streamed
    labels: Labels
    names: list[str]
    skipped: list[dict[str, str]]
    fingerprint: str


def name_of(dataset: Any, index: int) -> str:
    """What to call an item: its dataset's word for it, else its number."""
    return str(dataset.name_of(index)) if hasattr(dataset, "name_of") else f"image {index}"


class Streamed:
    """Images decoded whenever they are asked for, by as many threads as there are cores."""

    def __init__(self, dataset: Any, kept: list[int], shape: Shape):
        self.dataset, self.kept, self.shape = dataset, kept, shape
        self.pool = ThreadPoolExecutor(os.cpu_count())

    def __getitem__(self, rows: NDArray[np.int64]) -> Pixels:
        return np.stack(list(self.pool.map(self._one, rows)))

    def _one(self, row: int) -> Pixels:
        item, _ = read_item(self.dataset, self.kept[int(row)])
        return to_pixels(item, *self.shape)


def decode_split(dataset: Any, shape: Shape, store: str = "auto", progress: Progress | None = None) -> Decoded:
    """Decode a whole split, or open the store of one that was decoded before.

    Args:
        shape: what each image becomes.
        store: ``disk``, ``stream``, or ``auto``: the disk where the images fit in half of what is free.

    Raises:
        ContractError: the dataset gives something that is no image.
    """
    shape, progress = Shape(*shape), progress or (lambda done, total: None)
    content = content_key(dataset)
    if content is None and store != "stream":
        return _in_memory(dataset, shape, progress)
    stream = store == "stream" or (store == "auto" and not _fits(len(dataset), shape))
    recipe = f"{content} {_key(shape)} {DECODER} {stream}"
    folder = cache_folder() / "stores" / hashlib.sha256(recipe.encode()).hexdigest()[:32]
    if stream and content is None:
        account = _fill(None, dataset, shape, progress)
        return _assemble(Streamed(dataset, account["kept"], shape), dataset, account, "")
    if not _is_whole(folder, pixels=not stream):
        _build(folder, dataset, shape, str(content), progress, pixels=not stream)
    return _open(folder, dataset, shape, pixels=not stream)


def _key(shape: Shape) -> tuple[Any, ...]:
    """What of a shape the pixels depend on, said as before there was more than squashing: those stores stay valid."""
    size, in_chans, resize, interpolation, _ = shape
    if resize == "crop":
        return tuple(shape)
    return (size, in_chans, resize) if interpolation == "bilinear" else (size, in_chans, resize, interpolation)


def _fits(count: int, shape: Shape) -> bool:
    _place_in(cache_folder()).rmdir()  # says so, if nothing can be written there
    return count * shape.size * shape.size * shape.in_chans < shutil.disk_usage(cache_folder()).free / 2


def content_key(dataset: Any) -> str | None:
    """A hash of all that a split holds: its own ``fingerprint``, or its files' bytes and labels, in order."""
    own = getattr(dataset, "fingerprint", None)
    if own is not None:
        return hashlib.sha256(f"{own} {len(dataset)}".encode()).hexdigest()
    if not hasattr(dataset, "name_of") or not hasattr(dataset, "targets") or len(dataset) == 0:
        return None
    names = [name_of(dataset, i) for i in range(len(dataset))]
    if not _are_files(dataset, names[:16]):
        return None
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing and reading both let other threads run
        digests = pool.map(_file_digest, names)
        whole = hashlib.sha256(repr(list(dataset.classes)).encode())
        for digest, label in zip(digests, dataset.targets, strict=True):
            known = label_indices(label, len(dataset.classes)) if is_multilabel(dataset) else int(label)
            whole.update(f"{digest} {known}\n".encode())
    return whole.hexdigest()


def _are_files(dataset: Any, names: list[str]) -> bool:
    """Whether items show their files as they lie there: what a dataset makes of its files, their bytes don't tell."""
    unseen: tuple[type[Exception], ...] = (DataError, ContractError, *decode_errors())
    for index, name in enumerate(names):
        try:
            item, _ = read_item(dataset, index)
            file = open_image(name)
            with file if isinstance(file, Image.Image) else contextlib.nullcontext():
                return np.array_equal(_seen(item), _seen(file))
        except unseen:
            continue
    return False


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


def _decoded(dataset: Any, shape: Shape) -> Iterator[tuple[int, Pixels | str, Label]]:
    """(index, pixels or the reason why not, label), in order, decoded by as many threads as there are cores."""

    def one(index: int) -> tuple[int, Pixels | str, Label]:
        try:
            item, label = read_item(dataset, index)
            return index, to_pixels(item, *shape), label
        except BadImage as error:
            return index, str(error), -1
        except WrongChannels as error:
            raise WrongChannels(error.found, error.wanted, name_of(dataset, index)) from error

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        window = 64 * workers  # bounds what is decoded but not yet written
        for start in range(0, len(dataset), window):
            yield from pool.map(one, range(start, min(start + window, len(dataset))))


def _fill(images: Pixels | None, dataset: Any, shape: Shape, progress: Progress) -> dict[str, Any]:
    """Decode into ``images`` from the front; the rows that bad images leave over stay unused at its end.

    Without ``images`` the pixels are only checked.
    """
    labels: list[Label] = []
    kept: list[int] = []
    skipped: list[dict[str, str]] = []
    for index, pixels, label in _decoded(dataset, shape):
        if isinstance(pixels, str):
            skipped.append({"name": name_of(dataset, index), "reason": pixels})
        else:
            if images is not None:
                images[len(kept)] = pixels
            kept.append(index)
            labels.append(label)
        progress(index + 1, len(dataset))
    return {"labels": labels, "kept": kept, "skipped": skipped}


def _in_memory(dataset: Any, shape: Shape, progress: Progress) -> Decoded:
    images = np.empty((len(dataset), shape.size, shape.size, shape.in_chans), np.uint8)
    account = _fill(images, dataset, shape, progress)
    images = images[: len(account["kept"])]
    whole = hashlib.sha256(repr((list(dataset.classes), account["labels"])).encode())
    whole.update(images.tobytes())
    return _assemble(images, dataset, account, whole.hexdigest())


def _is_whole(folder: Path, *, pixels: bool) -> bool:
    """Whether a store is there, with both of its files; what a cleaner of caches left of one is in the way."""
    whole = (folder / "store.json").is_file() and (not pixels or (folder / "images.npy").is_file())
    if not whole and folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
    return whole


def _build(folder: Path, dataset: Any, shape: Shape, content: str, progress: Progress, *, pixels: bool) -> None:
    """Write a store under a temporary name and move it into place; of two jobs at once, the first wins."""
    building = _place_in(folder.parent)
    try:
        images = _new_map(building / "images.npy", len(dataset), shape) if pixels else None
        account = _fill(images, dataset, shape, progress)
        if images is not None:
            images.flush()
        write_json(building / "store.json", {**account, "fingerprint": content})
        try:
            building.rename(folder)
        except OSError:
            if not _is_whole(folder, pixels=pixels):  # not another job's store: a real failure
                raise
    except OSError as error:
        raise cannot_write(folder.parent, error) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _new_map(path: Path, count: int, shape: Shape) -> np.memmap[Any, np.dtype[np.uint8]]:
    size = shape.size
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, size, size, shape.in_chans))
    if hasattr(os, "posix_fallocate"):  # a page of a map that has no room on the disk kills the process
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return images


def _place_in(folder: Path) -> Path:
    """A new folder to build a store in."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
    except OSError as error:
        raise cannot_write(folder, error) from error


def _open(folder: Path, dataset: Any, shape: Shape, *, pixels: bool) -> Decoded:
    account = json.loads((folder / "store.json").read_text("utf-8"))
    if not pixels:
        return _assemble(Streamed(dataset, account["kept"], shape), dataset, account, account["fingerprint"])
    images = np.load(folder / "images.npy", mmap_mode="r")[: len(account["kept"])]
    return _assemble(images, dataset, account, account["fingerprint"])


def _assemble(images: Pixels | Streamed, dataset: Any, account: dict[str, Any], fingerprint: str) -> Decoded:
    labels = labels_of(dataset, account["labels"])
    names = [name_of(dataset, i) for i in account["kept"]]
    left_out = sorted(set(range(len(dataset))) - set(account["kept"]))
    # Another dataset of the same content may have filled the store: names are as this one has them.
    skipped = [{**s, "name": name_of(dataset, i)} for i, s in zip(left_out, account["skipped"], strict=True)]
    return Decoded(images, labels, names, skipped, fingerprint)


def labels_of(dataset: Any, given: Sequence[Any]) -> Labels:
    """Labels of some of a dataset's items, indices or several of them each, as one array."""
    if not is_multilabel(dataset):
        return np.asarray(given, np.int64).reshape(-1)
    rows = np.zeros((len(given), len(dataset.classes)), np.float32)
    for row, label in zip(rows, given, strict=True):
        row[list(label)] = 1
    return rows
