"""Sources of shared models: each provides a manifest, files by name, and a list of all files present."""

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
    """A location with one shared model."""

    where: str

    def names(self) -> list[str]:
        """List every file that is visible without fetching."""

    def manifest(self) -> bytes:
        """Read the raw manifest.

        Raises:
            ZooError: it is missing, or can't be fetched.
        """

    def size(self, name: str) -> int | None:
        """Size in bytes that the source reports for a file; None where it reports none."""

    def fetch(self, name: str, expected: File, folder: Path) -> None:
        """Write a file into a folder, limited to the manifest's size.

        Raises:
            ZooError: the file is missing, can't be fetched, or can't be written.
        """


@contextmanager
def opened(place: Place, home: Path, sha256: str | None) -> Iterator[SharedSource]:
    """Open the source at a location.

    Args:
        place: the location.
        home: folder for intermediate downloads.
        sha256: requested digest, or the SHA-256 of a .zip file itself.

    Raises:
        ZooError: the source is missing, or can't be fetched.
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
            hint = f" It contains models: zoo models pull {self.folder / inner[0]}" if inner else ""
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
            raise BundleError(f"{name} of {self.where} {reason}. It was not used; ask its owner.")
        try:
            return path.open("rb")
        except OSError as error:
            raise BundleError(f"{path} can't be read: {error.strerror}.") from error


class ZipSource:
    """A .zip file, in which the model's files may lie in a common folder."""

    def __init__(self, archive: zipfile.ZipFile, where: str):
        self.archive, self.where = archive, where
        found = [name for name in archive.namelist() if PurePosixPath(name).name == MANIFEST]
        if len(found) != 1:
            raise BundleError(f"{where} is not a shared model: it has {len(found)} files {MANIFEST}, not one.")
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
                raise BundleError(f"{name} of {self.where} is a link. It was not used; ask its owner.")
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
    """A .zip file whose own SHA-256 is the requested one."""


def is_pinned(source: SharedSource) -> bool:
    """Check for a source whose whole content is verified already."""
    return isinstance(source, _Pinned)


def _damaged(where: str, error: Exception) -> BundleError:
    if is_write_error(error):
        raise error
    return BundleError(f"{where} is damaged ({type(error).__name__}: {error}). It was not used; ask its owner.")


class WebSource:
    """An https address of a folder's files."""

    def __init__(self, place: Web, home: Path):
        self.where, self._home = place.url, home
        self._base = place.url.removesuffix(MANIFEST).rstrip("/")

    def names(self) -> list[str]:
        return []  # other files are never requested

    def manifest(self) -> bytes:
        path = download(f"{self._base}/{MANIFEST}", self._home / MANIFEST, most=MOST[MANIFEST])
        return path.read_bytes()

    def size(self, name: str) -> int | None:
        return None

    def fetch(self, name: str, expected: File, folder: Path) -> None:
        download(f"{self._base}/{name}", folder / name, most=expected.bytes, sha256=expected.sha256)


def _copy(file: IO[bytes], path: Path, most: int) -> None:
    """Copy at most ``most`` + 1 bytes; the additional byte reveals a file that is too long."""
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
