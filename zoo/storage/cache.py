"""Content of the user's cache by kind, with size and last use, and its removal."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from zoo.plugin import CacheKind
from zoo.storage.files import cache_folder, is_temporary
from zoo.storage.in_use import CACHE, unused

IN_USE = "used by a running process"
"""Reason why an item is not removed."""
_MARKS = (".download-", ".pruned-", ".trying-", ".unlocked-", ".building-")


LEFTOVERS, OTHER = "leftovers", "other"
KINDS = (
    CacheKind("stores", "decoded images, one entry for each split and size"),
    CacheKind("features", "features of frozen networks"),
    CacheKind("execution", "fastest execution settings", "kept", whole=True),
    CacheKind("plugins", "failures of plugins", "kept", whole=True),
    CacheKind(LEFTOVERS, "leftovers of killed processes"),
    CacheKind(OTHER, "unknown files", "kept"),
)
"""The core's own; plugins contribute others."""


def kinds_with(contributed: Iterable[CacheKind]) -> dict[str, CacheKind]:
    """All kinds by name; one that several describe has the groups of each."""
    found: dict[str, CacheKind] = {}
    for kind in (*KINDS[:2], *contributed, *KINDS[2:]):
        before = found.get(kind.name)
        groups = (*before.groups, *kind.groups) if before else kind.groups
        found[kind.name] = replace(before or kind, groups=tuple(dict.fromkeys(groups)))
    return found


@dataclass(frozen=True)
class CachedItem:
    """One item of the cache, present or absent as a whole.

    Args:
        size: bytes.
        used: when it was last read or written, in seconds since 1970, as recorded by the file system.
        fate: the consequence of removing it, as :class:`zoo.plugin.CacheKind` has it.
    """

    kind: str
    path: Path
    size: int
    used: float
    fate: str = "made again"

    @property
    def name(self) -> str:
        """Path relative to the cache."""
        return self.path.relative_to(cache_folder()).as_posix()


def survey(kinds: Mapping[str, CacheKind], limit_s: float | None = None) -> tuple[list[CachedItem], bool]:
    """Everything in the cache, the least lately used first.

    Args:
        kinds: as :func:`kinds_with` has them.
        limit_s: seconds after which nothing more is measured.

    Returns:
        The items, and True if the list is complete.

    Raises:
        OSError: the folder can't be read.
    """
    end = None if limit_s is None else time.monotonic() + limit_s
    found: list[CachedItem] = []
    for kind, path in _paths(cache_folder(), kinds):
        size, used, whole = _measure(path, end)
        found.append(CachedItem(kind, path, size, used, kinds[kind].fate))
        if not whole:
            return sorted(found, key=lambda e: e.used), False
    return sorted(found, key=lambda e: e.used), True


def _paths(cache: Path, kinds: Mapping[str, CacheKind]) -> Iterator[tuple[str, Path]]:
    """What there is, each with its kind."""
    if not cache.is_dir():
        return
    for top in sorted(cache.iterdir()):
        if _is_leftover(top):
            yield LEFTOVERS, top
        elif top.name in kinds and top.is_dir() and not top.is_symlink():
            yield from _below(top, kinds[top.name])
        elif top.name != CACHE:
            yield OTHER, top


def _below(folder: Path, kind: CacheKind) -> Iterator[tuple[str, Path]]:
    if kind.whole:
        yield kind.name, folder
        return
    for path in sorted(folder.iterdir()):
        within = path.name in kind.groups and path.is_dir() and not path.is_symlink()
        for each in sorted(path.iterdir()) if within else (path,):
            yield (LEFTOVERS if _is_leftover(each) else kind.name), each


def _is_leftover(path: Path) -> bool:
    return path.name.startswith(_MARKS) or is_temporary(path)


def _measure(path: Path, end: float | None) -> tuple[int, float, bool]:
    """Size in bytes, time of the last use, and True if all of it was measured; links are not followed."""
    size, used = 0, 0.0
    left = [path]
    while left:
        if end is not None and time.monotonic() > end:
            return size, used, False
        here = left.pop()
        with contextlib.suppress(OSError):  # removed meanwhile, or unreadable
            about = here.lstat()
            if here.is_dir() and not here.is_symlink():
                used = max(used, about.st_mtime)
                left.extend(here.iterdir())
            else:
                size += about.st_size
                used = max(used, about.st_mtime, about.st_atime)
    return size, used, True


def remove_item(entry: CachedItem) -> str | None:
    """Remove an item, unless a process uses it.

    Returns:
        Reason of a failure; None on success.
    """
    with _alone(entry) as free:
        if not free:
            return IN_USE
        try:
            _discard(entry.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            return error.strerror or str(error)
    return None


@contextlib.contextmanager
def _alone(entry: CachedItem) -> Iterator[bool]:
    """Lock the item against use within the context, yielding True on success; only stores and downloads have locks."""
    if entry.kind == "stores" and (entry.path / "store.json").is_file():
        with unused(entry.path / "store.json") as free:
            yield free
    elif entry.fate == "fetched again" and (cache_folder() / CACHE).exists():
        with unused(cache_folder() / CACHE) as free:
            yield free
    else:
        yield True


def _discard(path: Path) -> None:
    """Rename a folder before deleting it, so that no partial content is seen under its name."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    away = path.with_name(f".pruned-{uuid4().hex}")
    path.rename(away)
    shutil.rmtree(away)


def in_bytes(size: float) -> str:
    """Format a number of bytes: ``1234567`` -> ``"1.2 MB"``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def free_bytes() -> int:
    """Free bytes on the cache's disk.

    Raises:
        OSError: the disk can't be queried.
    """
    folder = cache_folder().absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def writable(folder: Path) -> OSError | None:
    """Test by a small file whether a folder is writable, and return the error; None on success."""
    trial = folder / f".trying-{uuid4().hex}"
    try:
        with trial.open("wb") as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    finally:
        with contextlib.suppress(OSError):
            trial.unlink()
    return None
