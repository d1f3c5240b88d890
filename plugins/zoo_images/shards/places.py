"""Locations of shards: a folder, or an https address with a local cache of limited size."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urljoin, urlsplit

from zoo.errors import DataError
from zoo.storage import cache_folder, download
from zoo_images.shards.listing import LISTING, Listing, Shard, index, need_folder, read_listing
from zoo_images.shards.tars import ShardContents, read_contents

__all__ = ["Folder", "Place", "WebPlace", "place_of"]

_GIB = 1 << 30
_LISTING_MOST = 256 << 20
_CONTENTS_MOST = 1 << 30
_TOUCHED_S = 5.0
_AT_ONCE = 8


class Place(Protocol):
    """Interface of a location of shards."""

    name: str
    listing: Listing

    def contents(self, shards: Sequence[Shard]) -> list[ShardContents]:
        """Contents of each shard; called once."""
        ...

    def opened(self, shard: Shard) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Open a shard for random access."""
        ...


class Folder:
    """Shards in a folder, as listed in its ``shards.json`` or found there; or a single shard."""

    def __init__(self, root: Path, field: str):
        root = Path(root).expanduser()
        alone = root if root.is_file() else None
        self.root = root.parent if alone else need_folder(root)
        self.name = str(root)
        self._read: dict[str, ShardContents] = {}
        listing = self.root / LISTING
        if listing.is_file() and alone is None:
            self.listing = read_listing(_text(listing), str(listing))
        else:
            self.listing, self._read = index(self.root, field, alone)

    def contents(self, shards: Sequence[Shard]) -> list[ShardContents]:
        read, self._read = self._read, {}  # large, and needed only once
        return [read.get(shard.file) or self._contents_of(shard) for shard in shards]

    def _contents_of(self, shard: Shard) -> ShardContents:
        file = self.root / f"{shard.file}.json"
        text = _text(file)
        try:
            size = (self.root / shard.file).stat().st_size
        except OSError as error:
            raise DataError(
                f"{self.root / shard.file} is missing, but listed in {LISTING}. Restore it, or list the shards "
                f"again: zoo shards index {self.root}"
            ) from error
        if hashlib.sha256(text.encode()).hexdigest() != shard.contents_sha256 or size != shard.bytes:
            raise DataError(
                f"{self.root / shard.file} does not match {LISTING}: it was changed. List the shards again: zoo "
                f"shards index {self.root}"
            )
        return read_contents(text, str(file))

    @contextmanager
    def opened(self, shard: Shard) -> Iterator[IO[bytes]]:
        with (self.root / shard.file).open("rb") as file:
            yield file


class WebPlace:
    """Shards behind an https address; downloads are verified by the listing's checksums and cached up to a limit.

    Args:
        url: address of ``shards.json``, or of its folder.
        sha256: SHA-256 of ``shards.json``, to detect changes on the server.
        room: disk space in GiB for shards; the least recently used ones are deleted first.
    """

    def __init__(self, url: str, sha256: str | None, room: float):
        self.name = url if urlsplit(url).path.endswith(".json") else urljoin(url.rstrip("/") + "/", LISTING)
        self.room = room * _GIB
        place = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self.home = cache_folder() / "shards" / "web" / place
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._touched: dict[str, float] = {}
        listing = self.home / LISTING
        try:
            download(self.name, listing, most=_LISTING_MOST, sha256=sha256)
        except DataError:  # offline, or the server is down: use the cached listing, if any
            if not listing.is_file():
                raise
        text = _text(listing)
        if sha256 is not None and hashlib.sha256(text.encode()).hexdigest() != sha256:
            raise DataError(f"{self.name} does not match sha256={sha256[:12]}…. Ask its owner.")
        self.listing = read_listing(text, self.name)

    def contents(self, shards: Sequence[Shard]) -> list[ShardContents]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self._contents_of, shards))

    def _contents_of(self, shard: Shard) -> ShardContents:
        file = self.home / "contents" / f"{shard.contents_sha256}.json"
        if not file.is_file():
            url = urljoin(self.name, f"{shard.file}.json")
            download(url, file, most=_CONTENTS_MOST, sha256=shard.contents_sha256)
        return read_contents(_text(file), str(file))

    @contextmanager
    def opened(self, shard: Shard) -> Iterator[IO[bytes]]:
        file = self.home / "tars" / shard.sha256
        with self._opened(file, shard) as opened:
            now = time.monotonic()
            if now - self._touched.get(shard.sha256, -_TOUCHED_S) >= _TOUCHED_S:
                self._touched[shard.sha256] = now
                with contextlib.suppress(OSError):
                    os.utime(file)
            yield opened

    def _opened(self, file: Path, shard: Shard) -> IO[bytes]:
        with contextlib.suppress(FileNotFoundError):
            return file.open("rb")
        with self._locks[shard.sha256]:  # one thread downloads the shard, the others wait
            if not file.is_file():
                self._make_room(shard.bytes)
                download(urljoin(self.name, shard.file), file, most=shard.bytes, sha256=shard.sha256)
            return file.open("rb")

    def _make_room(self, wanted: int) -> None:
        """Delete the least recently used shards to free space; other processes may do the same at the same time."""
        kept = []
        for path in (self.home / "tars").glob("[0-9a-f]*"):
            with contextlib.suppress(OSError):
                kept.append((path.stat().st_mtime, path.stat().st_size, path))
        over = sum(size for _, size, _ in kept) + wanted - self.room
        for _, size, path in sorted(kept):
            if over <= 0:
                break
            path.unlink(missing_ok=True)  # processes that have it open can continue to read
            over -= size


def place_of(root: Path | None, field: str, url: str | None, sha256: str | None, room: float) -> Place:
    """Create the location for a folder or an address.

    Raises:
        DataError: neither or both are given, or there are no shards.
    """
    if (root is None) == (url is None):
        raise DataError(
            "webdataset needs a folder of .tar files, or an https URL: zoo run simple_cnn webdataset --data "
            "FOLDER, or --set dataset.url=https://…/shards.json"
        )
    return Folder(root, field) if root is not None else WebPlace(str(url), sha256, room)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read: {error}. Create it again: zoo shards index FOLDER") from error
