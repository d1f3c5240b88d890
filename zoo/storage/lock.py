"""One process at a time: a lock on a file, which the system releases when its holder ends, however it ends."""

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
    """A file that this process alone holds; its text tells those who wait how far the work is."""

    def __init__(self, path: Path, file: int):
        self.path, self.file = path, file

    def tell(self, done: int) -> None:
        with contextlib.suppress(OSError):  # a full disk: the work itself will say so
            os.lseek(self.file, 0, os.SEEK_SET)
            os.write(self.file, f"{done:{_DIGITS}}".encode())

    def release(self) -> None:
        """Let go, and leave no file behind."""
        if sys.platform == "win32":  # removes no open file; nor one that another has opened since
            os.close(self.file)
            _remove(self.path)
        else:  # once released, the file of this name may be another's lock
            _remove(self.path)
            os.close(self.file)


@contextmanager
def held(path: Path, waiting: Waiting | None) -> Iterator[Lock | None]:
    """Hold the lock on a file for the length of a block.

    Args:
        waiting: told again and again how far its holder is, while it is another's; None does not wait.

    Returns:
        The lock; None where there can be none, as on a read-only disk and some of the network's, or where it is
        another's and isn't waited for.
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
        waiting(_told(path))
        time.sleep(_POLL_S)


def take(path: Path) -> Lock:
    """Take the lock on a file, which is made.

    Raises:
        BlockingIOError: it is another's.
        OSError: a file can't be locked there.
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


def _told(path: Path) -> int:
    """How far a lock's holder says to be; 0 where it says nothing."""
    try:
        with path.open("rb") as file:
            text = file.read(_DIGITS)
    except OSError:  # let go just now
        return 0
    return int(text) if text.strip().isdigit() else 0


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # an empty file that stays does no harm
        path.unlink()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, 2**30, os.SEEK_SET)  # far from the text: nobody else can read what is locked
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError("another's") from error
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not lockf, which two threads of a process would share
