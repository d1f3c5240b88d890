"""Exclusive lock on a file for one process; the system releases it when the process ends."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Waiting = Callable[[int], None]

_POLL_S = 0.1
_DIGITS = 20


class Lock:
    """File held by this process alone; its text is the progress for waiting processes."""

    def __init__(self, path: Path, file: int):
        self.path, self.file = path, file

    def tell(self, done: int) -> None:
        with contextlib.suppress(OSError):  # on a full disk the work itself will fail
            os.lseek(self.file, 0, os.SEEK_SET)
            os.write(self.file, f"{done:{_DIGITS}}".encode())

    def release(self) -> None:
        """Release the lock and remove the file."""
        if sys.platform == "win32":  # an open file can't be removed
            os.close(self.file)
            _remove(self.path)
        else:  # remove before the release: afterwards the file may be another process's lock
            _remove(self.path)
            os.close(self.file)


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

    Raises:
        BlockingIOError: another process holds the lock.
        OSError: locks are not supported there.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(file)
        if not _is_at(path, file):
            raise BlockingIOError("its last holder removed it meanwhile: to hold it keeps nobody out")
    except BlockingIOError:
        os.close(file)
        raise
    except OSError:
        Lock(path, file).release()
        raise
    return Lock(path, file)


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _read_progress(path: Path) -> int:
    """Read the progress of a lock's holder; 0 where it is unknown."""
    try:
        with path.open("rb") as file:
            text = file.read(_DIGITS)
    except OSError:  # released meanwhile
        return 0
    return int(text) if text.strip().isdigit() else 0


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # a leftover empty file is harmless
        path.unlink()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, 2**30, os.SEEK_SET)  # beyond the text, since a locked range can't be read
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError("another's") from error
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not lockf, which is shared by the threads of a process
