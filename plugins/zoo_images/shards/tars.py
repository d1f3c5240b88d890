"""Contents of shards: scanned once from start to end, and stored."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from zoo.errors import DataError

__all__ = ["IMAGES", "Item", "ShardContents", "read_contents", "scan"]

IMAGES = frozenset(
    {"jpg", "jpeg", "jfif", "png", "webp", "avif", "heic", "heif", "bmp", "gif", "tif", "tiff", "ppm", "pgm"}
)
VERSION = 1
_LABEL_BYTES = 1 << 16
_CHUNK = 1 << 20


class Item(NamedTuple):
    """An image in a shard: key of the sample, offset and size of its file in bytes, and label."""

    key: str
    offset: int
    size: int
    label: str


class ShardContents(NamedTuple):
    """Items of a shard, in order, with the shard's size and hash."""

    sha256: str
    bytes: int
    items: list[Item]

    def document(self) -> dict[str, Any]:
        """Convert to a document for JSON."""
        return {"version": VERSION, "sha256": self.sha256, "bytes": self.bytes, "items": [list(i) for i in self.items]}


def read_contents(text: str, name: str) -> ShardContents:
    """Parse the text of :meth:`ShardContents.document`.

    Raises:
        DataError: the text is malformed.
    """
    try:
        told = json.loads(text)
        items = [Item(str(key), int(offset), int(size), str(label)) for key, offset, size, label in told["items"]]
        found = ShardContents(str(told["sha256"]), int(told["bytes"]), items)
        sound = told["version"] == VERSION and all(
            item.offset >= 0 and item.size > 0 and item.offset + item.size <= found.bytes for item in items
        )
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise DataError(f"{name} does not describe its shard. Create it again: zoo shards index FOLDER") from error
    if not sound:
        raise DataError(f"{name} does not match its shard. Create it again: zoo shards index FOLDER")
    return found


def scan(path: Path, field: str) -> ShardContents:
    """Scan a shard.

    A sample consists of consecutive files with the same name up to the first dot. Its label is in its ``.cls`` (a
    number or a name), or under ``field`` in its ``.json``; without either, each image is a sample, with the name of its
    folder as class.
    Nothing is unpacked; links, devices and folders are ignored.

    Raises:
        DataError: the file is not an uncompressed tar file, is truncated, has no images, or an image has no label.
    """
    try:
        with path.open("rb") as file:
            reader = _Hashing(file)
            with tarfile.open(fileobj=reader, mode="r|") as tar:
                samples = list(_samples(tar, path, field))
            while reader.read(_CHUNK):
                pass
    except tarfile.TarError as error:
        raise DataError(
            f"{path} is not an uncompressed tar file ({error}). Create it again as plain .tar, or restore it."
        ) from error
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error
    if not samples:
        raise DataError(f"{path} contains no images ({', '.join(sorted(IMAGES))}).")
    whole = samples[-1].offset + samples[-1].size
    if whole > reader.count:
        raise DataError(f"{path} is truncated: it has {reader.count:,} bytes of at least {whole:,}.")
    return ShardContents(reader.hash.hexdigest(), reader.count, samples)


class _Hashing:
    """A file whose bytes are hashed while they are read."""

    def __init__(self, file: IO[bytes]):
        self.file, self.hash, self.count = file, hashlib.sha256(), 0

    def read(self, size: int) -> bytes:
        block = self.file.read(size)
        self.hash.update(block)
        self.count += len(block)
        return block


def _samples(tar: tarfile.TarFile, path: Path, field: str) -> Iterator[Item]:
    key, files, told = "", [], {}  # type: str, list[tuple[str, int, int]], dict[str, str]
    for member in tar:
        if not member.isreg() or member.issparse() or member.size == 0:
            continue
        own, extension = _parts(member.name)
        if own != key:
            yield from _of_sample(key, files, told, path, field)
            key, files, told = own, [], {}
        if extension.rpartition(".")[2] in IMAGES:
            files.append((extension, member.offset_data, member.size))
        elif extension in ("cls", "json"):
            told[extension] = _text(tar, member, path)
    yield from _of_sample(key, files, told, path, field)


def _of_sample(
    key: str, files: list[tuple[str, int, int]], told: dict[str, str], path: Path, field: str
) -> Iterator[Item]:
    """Image of a sample: the first with the sample's name; without a label file each image is a sample of its own.

    Such images keep dots in their names, and have the folder's class.
    """
    if told:
        for _, offset, size in [file for file in files if file[0] in IMAGES][:1]:
            yield Item(key, offset, size, _label(key, told, path, field))
        return
    for extension, offset, size in files:
        name = ".".join((key, *extension.split(".")[:-1]))
        yield Item(name, offset, size, _label(name, told, path, field))


def _parts(name: str) -> tuple[str, str]:
    """Split a file name into key and extension: ``a/b.seg.png`` belongs to the sample ``a/b``, with ``seg.png``."""
    folder, slash, file = name.removeprefix("./").rpartition("/")
    stem, _, extension = file.partition(".")
    return f"{folder}{slash}{stem}", extension.lower()


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> str:
    file = tar.extractfile(member)
    if file is None or member.size > _LABEL_BYTES:
        raise DataError(f"{member.name} in {path} is not a label: it has {member.size:,} bytes.")
    return file.read().decode("utf-8", "replace").strip()


def _label(key: str, told: dict[str, str], path: Path, field: str) -> str:
    if told.get("cls"):
        return told["cls"]
    if "json" in told:
        try:
            label = json.loads(told["json"])[field]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise DataError(
                f"{key}.json in {path} has no {field!r}. Give the field of the label: --set dataset.field=NAME"
            ) from error
        if isinstance(label, str | int) and not isinstance(label, bool) and str(label).strip():
            return str(label).strip()
        raise DataError(f"{key}.json in {path}: {field!r} is {label!r}, not a name or number.")
    folder = key.rpartition("/")[0].rpartition("/")[2]
    if not folder:
        raise DataError(f"{key} in {path} has no label: there is no {key}.cls, {key}.json, or class folder.")
    return folder
