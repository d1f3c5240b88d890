"""Exclusive lock on a file for one process; the system releases it when the process ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

Waiting = Callable[[int], None]

_POLL_S = 0.1
_START, _DIGITS = 1, 20
"""Position and length of the progress in the file; Windows locks the first byte, which can't be read then."""


class Lock:
    """File held by this process alone; its text is the progress for waiting processes."""

    def __init__(self, path: Path, file: BaseFileLock):
        self.path, self._file = path, file

    def tell(self, done: int) -> None:
        with contextlib.suppress(OSError), self.path.open("r+b") as file:  # on a full disk the work itself will fail
            file.seek(_START)
            file.write(f"{done:{_DIGITS}}".encode())

    def release(self) -> None:
        """Release the lock and remove the file."""
        if sys.platform == "win32":  # an open file can't be removed
            self._file.release()
            _remove(self.path)
        else:  # remove before the release: afterwards the file may be another process's lock
            _remove(self.path)
            self._file.release()


@contextmanager
def held(path: Path, waiting: Waiting | None) -> Iterator[Lock | None]:
    """Hold the lock on a file within the context.

    Args:
        path: the file.
        waiting: called repeatedly with the holder's progress while another process has the lock; None does not wait.

    Returns:
        The lock; None where locks are not supported, as on read-only and some network disks, or where another process
        holds it and ``waiting`` is None.
    """
    lock = _taken(path, waiting)
    try:
        yield lock
    finally:
        if lock is not None:
            lock.release()


def _taken(path: Path, waiting: Waiting | None) -> Lock | None:
    while True:
        try:
            return take(path)
        except BlockingIOError:
            if waiting is None:
                return None
        except OSError:
            return None
        waiting(_read_progress(path))
        time.sleep(_POLL_S)


def take(path: Path) -> Lock:
    """Create a file and take the lock on it.

    The lock is filelock's: ``flock`` on the file, never a file that a killed process leaves behind.

    Raises:
        BlockingIOError: another process holds the lock.
        OSError: locks are not supported there.
    """
    from filelock import FileLock, Timeout

    if not path.parent.is_dir():  # filelock would create it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    file = FileLock(path, blocking=False, thread_local=False, preserve_lock_file=True)
    try:
        file.acquire()
    except Timeout as error:
        raise BlockingIOError(f"another process holds {path}") from error
    except PermissionError:  # the file may be the lock of another user
        raise
    except OSError:
        _remove(path)
        raise
    return Lock(path, file)


def _read_progress(path: Path) -> int:
    """Read the progress of a lock's holder; 0 where it is unknown."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(_START)
            text = file.read(_DIGITS)
    except OSError:  # released meanwhile
        return 0
    return int(text) if text.strip().isdigit() else 0


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # a leftover empty file is harmless
        path.unlink()
