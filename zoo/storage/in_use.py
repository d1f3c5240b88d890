"""What of the cache is in use: locks that many share, and that the system releases when a process ends, in any way."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = ".in-use"
"""A file of the cache that every process locks which opens a dataset."""
_POLL_S = 0.05
_PATIENCE_S = 5.0
_held: dict[Path, int] = {}


def begin(path: Path) -> None:
    """Say, until this process ends, that what the file stands for is in use, and that it was used just now.

    Where a file can't be locked nothing is said; :func:`unused` is then not sure of it either.
    """
    with contextlib.suppress(OSError):
        os.utime(path)  # many disks are mounted so that reading leaves no trace
    file = _shared(path)
    if file is not None:
        before = _held.get(path)
        _held[path] = file
        if before is not None:
            os.close(before)


def begin_in(cache: Path) -> None:
    """The same of a whole cache, if there is one."""
    with contextlib.suppress(OSError):
        os.close(os.open(cache / CACHE, os.O_RDONLY | os.O_CREAT, 0o666))
    begin(cache / CACHE)


def _shared(path: Path) -> int | None:
    """A shared lock on a file that is there; None where it isn't, or is being removed, or can't be locked."""
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
        except BlockingIOError:  # somebody is about to remove it
            time.sleep(_POLL_S)
        except OSError:
            os.close(file)
            return None
        os.close(file)
    return None


@contextmanager
def unused(path: Path) -> Iterator[bool]:
    """For the length of a block nobody begins to use what a file stands for; whether nobody did before.

    False too where that can't be known: the file is not there, or can't be locked.
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


if sys.platform == "win32":  # has no shared locks, and removes no file that is open: that is enough

    def _lock(file: int, *, alone: bool) -> None:
        if not alone:
            raise OSError("no shared locks")
else:
    import fcntl

    def _lock(file: int, *, alone: bool) -> None:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
