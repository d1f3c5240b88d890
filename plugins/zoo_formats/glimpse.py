"""A first look at files and folders, for recognising a format without reading it whole."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

__all__ = ["IMAGES", "entries", "folders", "has_pictures", "head", "text_head"]

IMAGES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jfif",
        ".png",
        ".bmp",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".npy",
        ".heic",
        ".heif",
        ".hif",
        ".avif",
    ]
)
"""Suffixes of pictures."""
_HEAD = 1 << 16
_ENTRIES = 200


def entries(folder: Path, most: int = _ENTRIES) -> list[Path]:
    """Some of the entries of a folder, without hidden ones; empty for anything else."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as found:
        return sorted(Path(entry.path) for entry in islice(found, most) if not entry.name.startswith("."))


def folders(folder: Path) -> list[Path]:
    """Some of the folders in a folder, without hidden ones."""
    return [path for path in entries(folder) if path.is_dir()]


def has_pictures(folder: Path) -> bool:
    """Check that a folder itself has pictures."""
    return any(path.suffix.lower() in IMAGES for path in entries(folder))


def head(path: Path, most: int = _HEAD) -> bytes:
    """First bytes of a file."""
    with path.open("rb") as file:
        return file.read(most)


def text_head(path: Path) -> str:
    """First characters of a file, without white space and the mark of the byte order before them."""
    return head(path).decode("utf-8-sig", "ignore").lstrip()
