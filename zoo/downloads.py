"""For plugins that download: a dead connection ends, and an archive leaves its folder in no way, nor fills the disk."""

from __future__ import annotations

import shutil
import socket
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import DataError

__all__ = ["downloading", "unpacking"]

_SHARE = 0.9
_STALL_S = 30.0


@contextmanager
def downloading(folder: Path, stall_s: float = _STALL_S) -> Iterator[None]:
    """For the length of a block, connections that nobody gave a timeout end when nothing comes, and :func:`unpacking`.

    Libraries open theirs without one: a dead one would hang for ever.

    Args:
        folder: where archives are unpacked.
        stall_s: seconds in which something must come.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(stall_s)
    try:
        with unpacking(folder):
            yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def unpacking(folder: Path) -> Iterator[None]:
    """For the length of a block tar archives are unpacked as data, whoever unpacks them, libraries too.

    Python's own ``data`` filter refuses absolute names, names with ``..``, links that lead out, and devices; it is the
    default from Python 3.14. (``zipfile`` makes neither links nor names that leave the folder.)

    Args:
        folder: where they are unpacked; its disk says how much may come out of them.

    Raises:
        DataError: an archive holds what is refused, or more than nine tenths of what the disk has free.
    """
    left = int(_SHARE * shutil.disk_usage(folder).free)

    def checked(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        nonlocal left
        left -= member.size
        if left < 0:
            raise DataError(f"An archive holds more than the disk of {folder} has room for; it was left where it is.")
        return tarfile.data_filter(member, path)

    before = tarfile.TarFile.__dict__.get("extraction_filter")
    tarfile.TarFile.extraction_filter = staticmethod(checked)
    try:
        yield
    except tarfile.FilterError as error:
        raise DataError(f"An archive is refused: {error}. Nothing of it is used; get it from its own site.") from error
    finally:
        if before is None:
            del tarfile.TarFile.extraction_filter
        else:
            tarfile.TarFile.extraction_filter = before
