"""Downloads for plugins: files are complete and match their checksum, or absent; archives are unpacked safely.

Connections have timeouts, and archives can neither write outside their folder nor fill the disk.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tarfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zoo.errors import DataError
from zoo.storage.files import atomic, cache_folder, cannot_write
from zoo.version import __version__

__all__ = ["cache_folder", "download", "downloading", "offline", "unpacking"]

_SHARE = 0.9
_STALL_S = 30.0
_TRIES = 3
_BLOCK = 1 << 20
_GONE = (401, 403, 404, 410)


def offline() -> bool:
    """Check that downloads are disabled by ``ZOO_OFFLINE``, as ``--offline`` does."""
    return os.environ.get("ZOO_OFFLINE", "").lower() not in ("", "0", "false")


def download(
    url: str, path: Path, *, most: int, sha256: str | None = None, plain: bool = False, limit_s: float | None = None
) -> Path:
    """Download a file by https to a temporary name, and rename it once it is complete and verified.

    A broken connection is retried; one without data for 30 s is closed.

    Args:
        url: an https address; http is refused, since its content can be modified in transit.
        path: target file; its folder is created.
        most: maximum size in bytes; larger downloads are aborted.
        sha256: expected SHA-256 in hexadecimal; None skips the check.
        plain: allow http, for content that nothing depends on, such as a picture to predict.
        limit_s: maximum duration in seconds of the transfer; None for no limit.

    Returns:
        ``path``.

    Raises:
        DataError: offline (``ZOO_OFFLINE``), not https, not found, too large, too slow, or with another checksum.
        OutputError: the folder can't be written, or the disk is full.
    """
    if urlsplit(url).scheme not in ("https", *(["http"] if plain else [])):
        raise DataError(f"{url} was not downloaded: only https URLs are supported.")
    if offline():
        raise DataError(f"{url} is not available, and downloads are disabled (ZOO_OFFLINE is set).")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    for left in reversed(range(_TRIES)):
        try:
            _fetch(url, path, most, sha256, limit_s)
            return path
        except _Broken as error:
            if not left or error.final:
                raise DataError(f"{url} can't be downloaded: {error}. Check the URL and the network.") from error
        time.sleep(1)
    raise AssertionError("unreachable")


class _Broken(Exception):
    """Raised for a failed connection; ``final`` where a retry would fail too."""

    def __init__(self, error: object, *, final: bool = False):
        super().__init__(str(error) or type(error).__name__)
        self.final = final


def _fetch(url: str, path: Path, most: int, sha256: str | None, limit_s: float | None) -> None:
    whole, count, begun = hashlib.sha256(), 0, time.monotonic()
    try:  # some servers refuse requests of Python's own agent
        request = urllib.request.Request(url, headers={"User-Agent": f"visionzoo/{__version__}"})
        answer = urllib.request.urlopen(request, timeout=min(_STALL_S, limit_s or _STALL_S))
    except (OSError, HTTPException, ValueError) as error:
        raise _Broken(error, final=isinstance(error, ValueError) or getattr(error, "code", None) in _GONE) from error
    with answer, atomic(path) as file:
        if urlsplit(answer.url).scheme not in ("https", urlsplit(url).scheme):
            raise DataError(f"{url} redirects away from https, to {answer.url}. It was not used.")
        for block in _blocks(answer):
            count += len(block)
            if count > most:
                raise DataError(f"{url} exceeds the limit of {most:,} bytes. It was not used.")
            if limit_s is not None and time.monotonic() - begun > limit_s:
                raise DataError(f"{url} exceeds the limit of {limit_s:g} s. It was not used.")
            whole.update(block)
            file.write(block)
        if sha256 is not None and whole.hexdigest() != sha256:
            raise DataError(
                f"{url} has the SHA-256 {whole.hexdigest()[:12]}…, not {sha256[:12]}…: it was changed or damaged. "
                "It was not used; ask its owner."
            )


def _blocks(answer: Any) -> Iterator[bytes]:
    """Yield the body in blocks; a connection that ends early is an error."""
    left = int(answer.headers.get("Content-Length") or 0)
    try:
        while block := answer.read1(_BLOCK):  # as much as has arrived
            left -= len(block)
            yield block
    except (OSError, HTTPException) as error:
        raise _Broken(error) from error
    if left > 0:
        raise _Broken(f"the connection ended {left:,} bytes early")


@contextmanager
def downloading(folder: Path, stall_s: float = _STALL_S) -> Iterator[None]:
    """Set a default timeout for all connections within the context, and apply :func:`unpacking`.

    Libraries open connections without a timeout, so that a dead one would hang forever.

    Args:
        folder: target folder of archives.
        stall_s: timeout without data in seconds.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(stall_s)
    try:
        with unpacking(folder):
            yield
    finally:
        socket.setdefaulttimeout(before)


def room_in(folder: Path) -> int:
    """Maximum number of bytes to unpack into a folder: 90 % of the free disk space."""
    return int(_SHARE * shutil.disk_usage(folder).free)


@contextmanager
def unpacking(folder: Path) -> Iterator[None]:
    """Unpack all archives safely within the context, including those that libraries unpack.

    Python's ``data`` filter for tar refuses absolute names, names with ``..``, links that lead out, and devices; it is
    the default from Python 3.14. (``zipfile`` creates neither links nor files outside of the folder.)

    Args:
        folder: target folder; its disk limits the unpacked size.

    Raises:
        DataError: an archive has refused members, or exceeds :func:`room_in` the folder.
    """
    left = room_in(folder)

    def take(size: int) -> None:
        nonlocal left
        left -= size
        if left < 0:
            raise DataError(
                f"The disk of {folder} has not enough space for the content of an archive; the archive was kept."
            )

    def checked(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        take(member.size)
        return tarfile.data_filter(member, path)

    try:
        with _in_place_of(tarfile.TarFile, "extraction_filter", staticmethod(checked)), _zips_counted(take):
            yield
    except tarfile.FilterError as error:
        raise DataError(f"An archive was rejected: {error}. It was not used; download it from its website.") from error


@contextmanager
def _zips_counted(take: Callable[[int], None]) -> Iterator[None]:
    """Call ``take`` within the context with the declared size of zip members before they are extracted."""
    one, every = zipfile.ZipFile.extract, zipfile.ZipFile.extractall

    def size_of(archive: zipfile.ZipFile, member: Any) -> int:
        return (member if isinstance(member, zipfile.ZipInfo) else archive.getinfo(member)).file_size

    def extract(self: zipfile.ZipFile, member: Any, *more: Any, **named: Any) -> str:
        take(size_of(self, member))
        return one(self, member, *more, **named)

    def extractall(self: zipfile.ZipFile, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        take(sum(size_of(self, member) for member in (self.infolist() if members is None else members)))
        every(self, path, members, pwd)

    with (
        _in_place_of(zipfile.ZipFile, "extract", extract),
        _in_place_of(zipfile.ZipFile, "extractall", extractall),
    ):
        yield


@contextmanager
def _in_place_of(owner: type, name: str, value: object) -> Iterator[None]:
    """Replace an attribute of a class within the context."""
    before = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
