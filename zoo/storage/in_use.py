"""Shared locks that mark items of the cache as in use; the system releases them when a process ends."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = ".in-use"
"""File of the cache that every process locks which opens a dataset."""
_POLL_S = 0.05
_PATIENCE_S = 5.0
_held: dict[Path, int] = {}


def begin(path: Path) -> None:
    """Mark the item of a file as in use until this process ends, and as used now.

    Nothing happens where locks are not supported; :func:`unused` then yields False.
    """
    with contextlib.suppress(OSError):
        os.utime(path)  # many disks are mounted without access times
    file = _shared(path)
    if file is not None:
        before = _held.get(path)
        _held[path] = file
        if before is not None:
            os.close(before)


def begin_in(cache: Path) -> None:
    """Mark the whole cache as in use, if it exists."""
    with contextlib.suppress(OSError):
        os.close(os.open(cache / CACHE, os.O_RDONLY | os.O_CREAT, 0o666))
    begin(cache / CACHE)


def _shared(path: Path) -> int | None:
    """Take a shared lock on a file; None where the file is absent, being removed, or can't be locked."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        try:
            file = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            _lock(file, alone=False)
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        except BlockingIOError:  # another process is removing it
            time.sleep(_POLL_S)
        except OSError:
            os.close(file)
            return None
        os.close(file)
    return None


@contextmanager
def unused(path: Path) -> Iterator[bool]:
    """Prevent any new use of a file's item within the context; yields True if it is not in use.

    It also yields False where the file is absent or can't be locked.
    """
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        try:
            _lock(file, alone=True)
            free = True
        except OSError:
            free = False
        yield free
    finally:
        os.close(file)


if sys.platform == "win32":  # no shared locks; open files can't be removed, which is enough

    def _lock(file: int, *, alone: bool) -> None:
        if not alone:
            raise OSError("no shared locks")
else:
    import fcntl

    def _lock(file: int, *, alone: bool) -> None:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
