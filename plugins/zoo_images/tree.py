"""Listing of folders: image suffixes, hidden files, order."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from zoo.errors import DataError

__all__ = ["FolderContents", "class_name", "composed", "contents_of", "files_below", "is_image", "is_unread_image"]

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".npy", ".npz"}
)
# Image formats that are read where their package is installed.
OPTIONAL = frozenset({".heic", ".heif", ".hif", ".avif", ".jfif"})
# Image formats that are not read: reported to the user, unlike other files.
FOREIGN = frozenset({".jxl", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw"})
_JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


class FolderContents(NamedTuple):
    """Folders and files directly in a folder, sorted by name, without hidden ones."""

    folders: list[Path]
    files: list[Path]


def contents_of(folder: Path) -> FolderContents:
    """List a folder.

    Raises:
        DataError: the folder can't be read.
    """
    try:
        # By name, since paths sort case-insensitively on Windows.
        entries = sorted((p for p in folder.iterdir() if not _is_hidden(p.name)), key=lambda path: path.name)
        is_folder = {path: path.is_dir() for path in entries}
    except OSError as error:
        raise _unreadable(error) from error
    return FolderContents([p for p in entries if is_folder[p]], [p for p in entries if not is_folder[p]])


def files_below(folder: Path) -> list[Path]:
    """All files in the folder and its subfolders, sorted by their path with ``/``; links are followed.

    Raises:
        DataError: a folder can't be read.
    """
    return sorted(_walk(folder), key=lambda path: path.relative_to(folder).as_posix())


@cache
def _readable(values: frozenset[str]) -> frozenset[str]:
    """Optional suffixes, and those of plugins' readers, that are read here; imports Pillow."""
    from zoo.api.formats import picture_suffixes

    return picture_suffixes() & (OPTIONAL | values)


def _of_values() -> frozenset[str]:
    """Suffixes of files of any values, which depend on the plugins."""
    from zoo.api.formats import value_suffixes

    return value_suffixes()


def is_image(path: Path) -> bool:
    """Check that the file name has the suffix of an image that is read here."""
    suffix = path.suffix.lower()
    return suffix in EXTENSIONS or suffix in _readable(_of_values())


def is_unread_image(path: Path) -> bool:
    """Check that the file name has the suffix of an image that is not read here."""
    return path.suffix.lower() in FOREIGN | OPTIONAL | _of_values() and not is_image(path)


def class_name(folder: Path) -> str:
    """Class name of a folder."""
    return composed(folder.name)


def composed(name: str) -> str:
    """Normalise a name to Unicode's composed form (NFC), since disks and editors encode accents differently."""
    return unicodedata.normalize("NFC", name)


def _walk(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for here, folders, files in os.walk(folder, onerror=_stop, followlinks=True):
        real = os.path.realpath(here)
        folders[:] = [] if real in seen else [name for name in folders if not _is_hidden(name)]
        yield from (Path(here, name) for name in files if real not in seen and not _is_hidden(name))
        seen.add(real)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _JUNK


def _stop(error: OSError) -> None:
    # By default os.walk ignores unreadable folders, whose images would be missing silently.
    raise _unreadable(error) from error


def _unreadable(error: OSError) -> DataError:
    return DataError(f"The folder {error.filename} can't be read: {error.strerror}. Fix its permissions.")
