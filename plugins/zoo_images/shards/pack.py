"""Creation of shards from a folder of class folders, and of their listing."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from zoo.errors import DataError, OutputError
from zoo_images.folders import class_files, images_of
from zoo_images.layout import read_layout
from zoo_images.shards.listing import CLASSES, LISTING, Listing, index, need_folder, text_of
from zoo_images.shards.tars import IMAGES

__all__ = ["Packed", "pack", "write_listing"]


class Packed(NamedTuple):
    """Number of written shards, images and bytes of a split."""

    shards: int
    images: int
    bytes: int


def pack(source: Path, out: Path, *, images: int, seed: int) -> dict[str, Packed]:
    """Write a folder of class folders as shards; the folder is not changed.

    Images are shuffled first, so that every shard has all classes. The result is deterministic for a folder and seed.

    Args:
        source: folder in the layout of ``image_folder``.
        out: a new or empty folder.
        images: number of images in a shard.
        seed: seed of the order.

    Raises:
        DataError: ``source`` has another layout, or ``out`` is not empty.
        OutputError: ``out`` can't be written.
    """
    layout = read_layout(source)
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out} is not empty. Shards need a new folder: zoo shards pack {source} NEW")
    found: dict[str, Packed] = {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for split, folder in layout.splits.items():
            if split == "all":
                continue
            of_class = images_of(folder, class_files(folder))
            files = [(path, name) for name, paths in of_class.items() for path in paths if _packable(path)]
            random.Random(seed).shuffle(files)
            written = [_write(out / f"{split}-{i:06d}.tar", part) for i, part in enumerate(_parts(files, images))]
            found[split] = Packed(len(written), len(files), sum(written))
    except OSError as error:
        raise OutputError(f"{error.filename or out} can't be read or written: {error.strerror or error}.") from error
    write_listing(out, "label")
    return found


def _packable(path: Path) -> bool:
    return path.suffix.lower().lstrip(".") in IMAGES


def _parts(files: list[tuple[Path, str]], size: int) -> Iterator[list[tuple[Path, str]]]:
    for start in range(0, len(files), size):
        yield files[start : start + size]


def _write(tar: Path, files: list[tuple[Path, str]]) -> int:
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as out:
        for number, (path, name) in enumerate(files):
            for extension, data in ((path.suffix.lower().lstrip("."), path.read_bytes()), ("cls", name.encode())):
                member = tarfile.TarInfo(f"{tar.stem}-{number:06d}.{extension}")
                member.size = len(data)
                out.addfile(member, io.BytesIO(data))
    return tar.stat().st_size


def write_listing(folder: Path, field: str) -> Listing:
    """Write ``shards.json`` and the contents file of each shard, for use from other machines.

    Raises:
        DataError: there are no shards, or one can't be read.
        OutputError: the folder can't be written.
    """
    folder = need_folder(folder)
    listing, contents = index(folder, field)
    try:
        for name, inside in contents.items():
            (folder / f"{name}.json").write_text(text_of(inside.document()), "utf-8")
        passing = folder / f".{LISTING}"
        passing.write_text(text_of(listing.document()), "utf-8")
        passing.replace(folder / LISTING)  # last, since a listing without contents files would be refused
    except OSError as error:
        raise OutputError(
            f"{folder} can't be written: {error.strerror or error}. Only {CLASSES} and .tar are read."
        ) from error
    return listing
