"""Where a shared model can be had from: each source gives its manifest, its files by name, and what else lies there."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from zoo.api.manifests import MANIFEST, MOST, File
from zoo.errors import BundleError, RequestError
from zoo.storage import cannot_write, download, is_write_error, sha256_of
from zoo_hub.location import Hub, Place, Web, is_zip

_BLOCK = 1 << 20
_ARCHIVE_MOST = sum(MOST.values())


class SharedSource(Protocol):
    """A place with one shared model."""

    where: str

    def names(self) -> list[str]:
        """Every file that can be seen there without fetching it."""

    def manifest(self) -> bytes:
        """The manifest, to the byte.

        Raises:
            ZooError: there is none, or it can't be had.
        """

    def size(self, name: str) -> int | None:
        """Bytes that the place itself says a file has; None where it doesn't say."""

    def fetch(self, name: str, expected: File, folder: Path) -> None:
        """Write a file into a folder: at most as many bytes as the manifest says.

        Raises:
            ZooError: it isn't there, can't be had, or can't be written.
        """


@contextmanager
def opened(place: Place, home: Path, sha256: str | None) -> Iterator[SharedSource]:
    """The source at a place.

    Args:
        home: a folder for what must be fetched on the way.
        sha256: the digest that is asked for, or the SHA-256 of the .zip file itself.

    Raises:
        ZooError: there is nothing, or it can't be had.
    """
    if isinstance(place, Hub):
        from zoo_hub.hub import HubSource

        yield HubSource(place, home)
    elif isinstance(place, Web):
        if not is_zip(place.url):
            yield WebSource(place, home)
            return
        with _zip(download(place.url, home / "model.zip", most=_ARCHIVE_MOST), place.url, sha256) as source:
            yield source
    elif is_zip(place) and not place.is_dir():
        with _zip(place, str(place), sha256) as source:
            yield source
    else:
        yield FolderSource(place)


class FolderSource:
    """A folder, as ``zoo models push`` writes it."""

    def __init__(self, folder: Path):
        self.folder, self.where = folder, str(folder)
        if not folder.is_dir():
            raise RequestError(f"There is no folder {folder}. See: zoo models list {folder.parent}")

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if not path.is_dir())

    def manifest(self) -> bytes:
        if not (self.folder / MANIFEST).exists():
            inner = sorted(path.parent.name for path in self.folder.glob(f"*/{MANIFEST}"))
            hint = f" It holds models: zoo models pull {self.folder / inner[0]}" if inner else ""
            raise RequestError(f"{self.folder} is not a shared model: it has no {MANIFEST}.{hint}")
        with self._open(MANIFEST) as file:
            return file.read(MOST[MANIFEST])

    def size(self, name: str) -> int | None:
        path = self.folder / name
        return path.stat().st_size if path.is_file() and not path.is_symlink() else None

    def fetch(self, name: str, expected: File, folder: Path) -> None:
        with self._open(name) as file:
            _copy(file, folder / name, expected.bytes)

    def _open(self, name: str) -> IO[bytes]:
        path = self.folder / name
        if path.is_symlink() or not path.is_file():
            reason = "is a link" if path.is_symlink() else "is missing"
            raise BundleError(f"{name} of {self.where} {reason}. Nothing of it is used; ask its owner.")
        try:
            return path.open("rb")
        except OSError as error:
            raise BundleError(f"{path} can't be read: {error.strerror}.") from error


class ZipSource:
    """One .zip file; a folder around the model's files in it does no harm."""

    def __init__(self, archive: zipfile.ZipFile, where: str):
        self.archive, self.where = archive, where
        found = [name for name in archive.namelist() if PurePosixPath(name).name == MANIFEST]
        if len(found) != 1:
            raise BundleError(
                f"{where} is not a shared model: it has {len(found)} files {MANIFEST}, and must have one."
            )
        self._prefix = found[0].removesuffix(MANIFEST)

    def names(self) -> list[str]:
        return [name for name in self.archive.namelist() if not name.endswith("/")]

    def manifest(self) -> bytes:
        with self._reading(MANIFEST) as file:
            return file.read(MOST[MANIFEST])

    def size(self, name: str) -> int | None:
        path = self._prefix + name
        return self.archive.getinfo(path).file_size if path in self.archive.NameToInfo else None

    def fetch(self, name: str, expected: File, folder: Path) -> None:
        with self._reading(name) as file:
            _copy(file, folder / name, expected.bytes)

    @contextmanager
    def _reading(self, name: str) -> Iterator[IO[bytes]]:
        try:
            info = self.archive.getinfo(self._prefix + name)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise BundleError(f"{name} of {self.where} is a link. Nothing of it is used; ask its owner.")
            with self.archive.open(info) as file:
                yield file
        except (zipfile.BadZipFile, KeyError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
            raise _damaged(self.where, error) from error
        except OSError as error:
            raise _damaged(self.where, error) from error


@contextmanager
def _zip(path: Path, where: str, sha256: str | None) -> Iterator[SharedSource]:
    if not path.is_file():
        raise RequestError(f"There is no file {path}. See: zoo models list {path.parent}")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(where, error) from error
    with archive:
        source = ZipSource(archive, where)
        if sha256 is not None and sha256_of(path) == sha256:
            source = _Pinned(archive, where)
        yield source


class _Pinned(ZipSource):
    """A .zip file whose own SHA-256 was asked for, and is as it was asked for."""


def is_pinned(source: SharedSource) -> bool:
    """Whether all that a source gives is known already to be what was asked for."""
    return isinstance(source, _Pinned)


def _damaged(where: str, error: Exception) -> BundleError:
    if is_write_error(error):
        raise error
    return BundleError(f"{where} is damaged ({type(error).__name__}: {error}). Nothing of it is used; ask its owner.")


class WebSource:
    """An https address under which a folder's files lie."""

    def __init__(self, place: Web, home: Path):
        self.where, self._home = place.url, home
        self._base = place.url.removesuffix(MANIFEST).rstrip("/")

    def names(self) -> list[str]:
        return []  # what else lies there is never asked for

    def manifest(self) -> bytes:
        path = download(f"{self._base}/{MANIFEST}", self._home / MANIFEST, most=MOST[MANIFEST])
        return path.read_bytes()

    def size(self, name: str) -> int | None:
        return None

    def fetch(self, name: str, expected: File, folder: Path) -> None:
        download(f"{self._base}/{name}", folder / name, most=expected.bytes, sha256=expected.sha256)


def _copy(file: IO[bytes], path: Path, most: int) -> None:
    """At most ``most`` bytes and one, by which a longer file is found out."""
    left = most + 1
    try:
        with path.open("wb") as out:
            while left and (block := file.read(min(_BLOCK, left))):
                left -= len(block)
                out.write(block)
    except OSError as error:
        if is_write_error(error):
            raise cannot_write(path.parent.parent.parent, error) from error
        raise BundleError(f"{path.name} can't be read: {error}.") from error
