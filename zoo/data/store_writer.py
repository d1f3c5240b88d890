"""Writing of a store: complete or absent, by one job while others wait; removes leftovers of killed jobs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from zoo.data.decode import DECODER, Shape
from zoo.data.decoded_rows import BYTES, IMAGES, KEPT, LABELS, Progress, Rows, decoded, in_files
from zoo.data.depth import TEN
from zoo.storage import in_use
from zoo.storage.files import cache_folder, cannot_write, write_json
from zoo.storage.lock import Lock, held

FORMAT = 3
"""Version of a store's file format; a store of another version is rebuilt."""

_ACCOUNT = "store.json"  # written last: marks a complete store
_BUILDING = ".building-"  # prefix of unfinished stores and of their locks
_OLD_S = 86400
_TOLD_EVERY = 64  # images between progress messages to waiting jobs


@dataclass(frozen=True)
class StorePlace:
    """Location of a store; one without pixels holds a split that was checked for streaming."""

    folder: Path
    pixels: bool

    @property
    def key(self) -> str:
        return self.folder.name

    def is_whole(self) -> bool:
        """Check that the store exists with all of its files."""
        files = (_ACCOUNT, LABELS, KEPT, *([IMAGES] * self.pixels))
        return all((self.folder / file).is_file() for file in files)

    def use(self) -> None:
        """Mark an existing store as in use by this process, which protects it from pruning."""
        in_use.begin(self.folder / _ACCOUNT)

    def rows(self) -> Rows:
        account = self._account()
        images = self._array(IMAGES) if self.pixels else None
        labels, kept = (np.asarray(self._array(file)) for file in (LABELS, KEPT))
        count, dtype = account["images"], np.dtype(account.get("dtype", BYTES))
        groups = account.get("groups") or [None] * count
        return Rows(images, labels, kept, account["skipped"], count, Counter(account["depths"]), dtype, groups).used()

    def has_bytes(self) -> bool:
        """Check that a complete store has images of 8 bits, none of which was reduced."""
        account = self._account()
        return bool(np.dtype(account.get("dtype", BYTES)) == BYTES and account["depths"].keys() <= {TEN})

    def _account(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads((self.folder / _ACCOUNT).read_text("utf-8"))
        return found

    def _array(self, file: str) -> NDArray[Any]:
        """Map the file into memory; without pixels the file is small and is read instead."""
        found: NDArray[Any] = np.load(self.folder / file, mmap_mode="r" if self.pixels else None)
        return found


def place_of(content: str, shape: Shape, *, pixels: bool) -> StorePlace:
    """Find the place of a store.

    Images of 8 bits are the same whichever values are kept, so that one store of them serves both.
    """
    reduced, own = (_place(content, shape._replace(values=values), pixels) for values in ("8-bit", "own"))
    if shape.values == "dicom":
        return _place(content, shape, pixels)
    wanted, other = (reduced, own) if shape.values == "8-bit" else (own, reduced)
    return other if not wanted.is_whole() and other.is_whole() and other.has_bytes() else wanted


def _place(content: str, shape: Shape, pixels: bool) -> StorePlace:
    looks = tuple(shape[:6] if shape.resize == "crop" else shape[:4])  # crop_pct has no effect with squash
    values = "" if shape.values == "8-bit" else f" {shape.values}"
    recipe = f"{FORMAT} {DECODER} {content} {looks} {pixels}{values}"
    return StorePlace(cache_folder() / "stores" / hashlib.sha256(recipe.encode()).hexdigest()[:32], pixels)


def build(place: StorePlace, dataset: Any, shape: Shape, progress: Progress) -> None:
    """Build a store, or wait for the job that builds it and take over if that job dies.

    Where locks are not supported, two jobs decode independently, and the first one to finish wins.
    """
    total, stores = len(dataset), place.folder.parent
    new_folder(stores, "trying").rmdir()
    with held(_lock_of(stores, place.key), lambda done: progress(min(done, total - 1), total)) as lock:
        if place.is_whole():  # by now: another job's
            progress(total, total)
            return
        _clear(stores)
        try:
            building = _building(place, lock)
            try:
                _write(building, dataset, shape, _telling(progress, lock), pixels=place.pixels)
                _move(building, place)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        except OSError as error:
            raise cannot_write(stores, error) from error


def _lock_of(stores: Path, key: str) -> Path:
    return stores / f"{_BUILDING}{key}.lock"


def _clear(stores: Path) -> None:
    """Remove unfinished stores of killed jobs, recognised by their free locks.

    Leftovers of other machines must be a day old, since some network disks don't share locks between machines.
    """
    for left in stores.glob(f"{_BUILDING}*"):
        key, _, machine = left.name.removeprefix(_BUILDING).removesuffix(".lock").partition("-")
        with held(_lock_of(stores, key), None) as lock, contextlib.suppress(OSError):  # gone meanwhile
            if lock is not None and left.is_dir() and (machine in ("", _machine()) or _is_old(left)):
                shutil.rmtree(left, ignore_errors=True)


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _is_old(folder: Path) -> bool:
    return all(time.time() - path.stat().st_mtime > _OLD_S for path in (folder, *folder.iterdir()))


def _building(place: StorePlace, lock: Lock | None) -> Path:
    """Create an empty folder to build a store in; without a lock one with a unique name."""
    stores = place.folder.parent
    if lock is None:
        return new_folder(stores, "unlocked")
    building = stores / f"{_BUILDING}{place.key}-{_machine()}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    return building


def _telling(progress: Progress, lock: Lock | None) -> Progress:
    """Wrap a progress function to inform the jobs that wait for the lock as well."""

    def tell(done: int, total: int) -> None:
        progress(done, total)
        if lock is not None and done % _TOLD_EVERY == 0:
            lock.tell(done)

    return tell


def _write(building: Path, dataset: Any, shape: Shape, progress: Progress, *, pixels: bool) -> None:
    used = decoded(dataset, shape, in_files(building), progress, pixels=pixels)
    used.flush()
    account = {"images": used.count, "skipped": used.skipped, "depths": used.depths, "dtype": used.dtype.name}
    groups = {"groups": used.groups} if any(used.groups) else {}
    write_json(building / _ACCOUNT, {**account, **groups})


def _move(building: Path, place: StorePlace) -> None:
    """Move a finished store into place, replacing an incomplete one."""
    if not place.is_whole():
        shutil.rmtree(place.folder, ignore_errors=True)
    try:
        building.rename(place.folder)
    except OSError:
        if not place.is_whole():  # no other job finished the store: a real failure
            raise


def new_folder(parent: Path, word: str) -> Path:
    """Create a new folder with a unique name.

    Raises:
        OutputError: the folder can't be created.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = parent / f".{word}-{uuid4().hex}"
        folder.mkdir()
    except OSError as error:
        raise cannot_write(parent, error) from error
    return folder
