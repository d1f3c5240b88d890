"""The dataset ``image_archive``: a zip or tar file of class folders, read without unpacking it."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from zoo.errors import DataError
from zoo.storage import atomic, cache_folder, in_bytes, made_folder, room_in
from zoo_formats.glimpse import IMAGES
from zoo_formats.labelled import LabelledImages, ListedImages
from zoo_formats.paths import need_root
from zoo_formats.splits import SPLIT_FOLDERS, named

__all__ = ["ArchiveMember", "ImageArchive", "recognises"]

_WHAT = "a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file of class folders"
_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_READABLE = IMAGES - {".npy"}
_JUNK = ("__macosx", "thumbs.db", "desktop.ini")
_LARGEST = 1 << 30
_CHUNK = 1 << 20
_FEW = 200
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, ValueError)


def recognises(path: Path) -> bool:
    """Check for an archive with class folders; of the first members of an uncompressed tar, for folders of splits.

    Other uncompressed tar files are shards, which the dataset ``webdataset`` reads.
    """
    kind = _kind(path)
    if kind != "tar":
        return kind is not None
    try:
        with tarfile.open(path, "r:") as tar:
            parts = [PurePosixPath(member.name).parts for member in islice(tar, _FEW) if member.isreg()]
    except _DAMAGED:
        return False
    return any(len(each) > 2 and each[-3].casefold() in SPLIT_FOLDERS for each in parts)


def _kind(path: Path) -> str | None:
    """``"zip"``, ``"tar"``, or the suffix of a compressed tar file; None for another file."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes[-1:] == [".zip"]:
        return "zip"
    if suffixes[-1:] == [".tar"]:
        return "tar"
    if suffixes[-1:] == [".tgz"]:
        return ".gz"
    return suffixes[1] if suffixes[:1] == [".tar"] and suffixes[1] in _OPENERS else None


class ArchiveMember(NamedTuple):
    """A picture in an archive: its name, and in a tar file its place and size in bytes."""

    name: str
    offset: int
    size: int
    content: str
    """Identity of its content: a hash, or the checksum and size of a zip file."""


class ArchivePictures:
    """Pictures in a zip or an uncompressed tar file.

    Args:
        path: the archive.
        label: its name for messages, where ``path`` is a copy.
        is_zip: it is a zip file.
    """

    def __init__(self, path: Path, label: str, is_zip: bool) -> None:
        self.path, self.label, self.is_zip = path, label, is_zip
        self._here = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_here"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._here = threading.local()

    def open(self, place: ArchiveMember) -> Any:
        """Open a picture.

        Raises:
            OSError: the archive is truncated or damaged there, or the bytes are no picture.
        """
        from zoo.api.formats import open_picture

        try:
            data = self._zip.read(place.name) if self.is_zip else self._part(place)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
            raise OSError(f"damaged in the archive ({error})") from error
        if len(data) < place.size:
            raise OSError(f"the archive has {len(data):,} bytes of it, not {place.size:,}")
        return open_picture(io.BytesIO(data))

    def name(self, place: ArchiveMember) -> str:
        """Archive and name of the picture in it."""
        return f"{self.label}:{place.name}"

    def fingerprint(self, places: Sequence[ArchiveMember]) -> str:
        """Hash of the pictures' contents in their order."""
        return hashlib.sha256("\n".join(place.content for place in places).encode()).hexdigest()

    @property
    def _zip(self) -> zipfile.ZipFile:
        """The zip file, opened once in each thread."""
        if not hasattr(self._here, "zip"):
            self._here.zip = zipfile.ZipFile(self.path)
        found: zipfile.ZipFile = self._here.zip
        return found

    def _part(self, place: ArchiveMember) -> bytes:
        with self.path.open("rb") as file:
            file.seek(place.offset)
            return file.read(place.size)


class ImageArchive(LabelledImages[ArchiveMember]):
    """Images in class folders in a zip or tar file, with or without folders of splits above them.

    The layout is that of ``image_folder``: ``cats/1.jpg``, or ``train/cats/1.jpg`` with ``val/`` and ``test/``; one
    folder around everything doesn't count. Nothing is unpacked: pictures are read from the archive. A compressed tar
    file allows no random access, and is decompressed once into the zoo's cache.

    Args:
        root: the archive.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no folders of splits.

    Raises:
        DataError: there is no such file, it is damaged or encrypted, has another layout or a path that leads out of
            it, the training images are of one class only, or there is no such split.
        OutputError: a compressed file can't be decompressed into the cache.
    """

    def __init__(self, root: Path | None, split: str) -> None:
        path = need_root(root, "image_archive", _WHAT)
        listed, pictures = _read(path)
        super().__init__(listed, split, pictures, f"images in {path}")

    @staticmethod
    def available_splits(root: Path | None) -> tuple[str, ...]:
        """Splits among train, val and test.

        Raises:
            DataError, OutputError: see the class.
        """
        return _read(need_root(root, "image_archive", _WHAT))[0].split_names


def _read(path: Path) -> tuple[ListedImages[ArchiveMember], ArchivePictures]:
    if not path.is_file() or _kind(path) is None:
        raise DataError(f"{path} is not an archive. image_archive reads {_WHAT}.")
    now = path.stat()
    return _read_once(path, now.st_size, now.st_mtime_ns)


@lru_cache(maxsize=2)
def _read_once(path: Path, size: int, time_ns: int) -> tuple[ListedImages[ArchiveMember], ArchivePictures]:
    """List an archive once for all splits, as long as it is the same."""
    kind = _kind(path)
    plain = path if kind in ("zip", "tar") else _decompressed(path, str(kind), size, time_ns)
    try:
        members = list(_in_zip(path) if kind == "zip" else _in_tar(plain, path))
    except _DAMAGED as error:
        raise DataError(f"{path} is damaged: {_reason(error)}. Download or pack it again.") from error
    return _listed(path, members), ArchivePictures(plain, path.name, kind == "zip")


def _reason(error: BaseException) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _in_zip(path: Path) -> Iterator[ArchiveMember]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                raise DataError(f"{path} is encrypted: {info.filename} needs a password. Pack it without one.")
            _need_moderate(path, info.filename, info.file_size)
            yield ArchiveMember(info.filename, 0, info.file_size, f"{info.CRC:08x} {info.file_size}")


def _in_tar(plain: Path, path: Path) -> Iterator[ArchiveMember]:
    whole = plain.stat().st_size
    with tarfile.open(plain, "r:") as tar, plain.open("rb") as file:
        for member in tar:
            if not member.isreg() or member.issparse():
                continue
            if member.offset_data + member.size > whole:
                raise DataError(f"{path} is truncated: {member.name} is not whole. Download or pack it again.")
            _need_moderate(path, member.name, member.size)
            file.seek(member.offset_data)
            digest = hashlib.blake2b(file.read(member.size), digest_size=16).hexdigest()
            yield ArchiveMember(member.name.removeprefix("./"), member.offset_data, member.size, digest)


def _need_moderate(path: Path, name: str, size: int) -> None:
    if size > _LARGEST and PurePosixPath(name).suffix.lower() in _READABLE:
        raise DataError(f"{path}: {name} would have {in_bytes(size)}. A picture has at most {in_bytes(_LARGEST)}.")


def _decompressed(path: Path, kind: str, size: int, time_ns: int) -> Path:
    """The tar file in a compressed one, in the cache.

    Raises:
        DataError: it is damaged, or larger than the disk allows.
        OutputError: the cache can't be written.
    """
    key = hashlib.sha256(repr((str(path.absolute()), size, time_ns)).encode()).hexdigest()
    target = cache_folder() / "archives" / f"{key[:32]}.tar"
    if target.is_file():
        return target
    with made_folder(target.parent), atomic(target) as out:
        left = room_in(target.parent)
        for block in _blocks(path, kind):
            left -= len(block)
            if left < 0:
                raise DataError(
                    f"{path} is larger than the free disk space of {target.parent}. Free some, or unpack it."
                )
            out.write(block)
    return target


def _blocks(path: Path, kind: str) -> Iterator[bytes]:
    try:
        with _OPENERS[kind](path) as file:
            source: IO[bytes] = file
            while block := source.read(_CHUNK):
                yield block
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path} is damaged: {_reason(error)}. Download or pack it again.") from error


def _listed(path: Path, members: Sequence[ArchiveMember]) -> ListedImages[ArchiveMember]:
    """Images in class folders among the members of an archive."""
    found = [(_parts(path, member.name), member) for member in members]
    found = [(parts, member) for parts, member in found if not _is_hidden(parts)]
    pictures = [each for each in found if PurePosixPath(each[1].name).suffix.lower() in _READABLE]
    if not pictures:
        raise DataError(f"{path} has no pictures ({len(members):,} files). {_EXPECTED}")
    top = _top([parts for parts, _ in pictures])
    pictures = sorted(((parts[top:], member) for parts, member in pictures), key=lambda each: each[0])
    divided = [each for each in pictures if len(each[0]) > 2 and each[0][0].casefold() in SPLIT_FOLDERS]
    used = divided or [each for each in pictures if len(each[0]) > 1]
    if not used:
        raise DataError(f"{path} has {len(pictures):,} pictures outside of class folders. {_EXPECTED}")
    unused = len(found) - len(used)
    notices = [f"Not used: {unused:,} of {len(found):,} files of {path.name}, which are no pictures in class folders."]
    return ListedImages(
        str(path),
        [member for _, member in used],
        [(named(parts[1 if divided else 0], str(path)),) for parts, _ in used],
        splits=[SPLIT_FOLDERS[parts[0].casefold()] for parts, _ in used] if divided else None,
        contents=[member.content for _, member in used],
        notices=notices if unused else [],
    )


_EXPECTED = "An archive of images has class folders, such as cats/1.jpg and dogs/2.jpg, or train/cats/1.jpg."


def _parts(path: Path, name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name.replace("\\", "/") if "/" not in name else name).parts
    if ".." in parts or parts[:1] == ("/",):
        raise DataError(f"{path} has the file {name!r}, whose path leads out of the archive. Pack it again.")
    return parts


def _is_hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") or part.casefold() in _JUNK for part in parts)


def _top(paths: Sequence[tuple[str, ...]]) -> int:
    """Number of folders around all classes, which are no class themselves."""
    top = 0
    while (
        all(len(parts) > top + 2 for parts in paths)
        and len({parts[top] for parts in paths}) == 1
        and paths[0][top].casefold() not in SPLIT_FOLDERS
    ):
        top += 1
    return top
