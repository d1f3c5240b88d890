"""The folders of new classes: their names, and the pictures in them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.api.formats import ARRAY_FILES, picture_suffixes
from zoo.errors import RequestError

__all__ = ["FEWEST", "class_folders", "pictures_below"]

FEWEST = 2
"""Minimum number of pictures of a class: one to fit, and one to validate."""


def class_folders(folders: Sequence[str | Path], known: Sequence[str]) -> dict[str, list[Path]]:
    """Find the pictures of each new class, in the order given.

    Args:
        folders: a folder for each new class, which has the name of the class.
        known: classes of the run.

    Returns:
        Absolute paths of the pictures by class.

    Raises:
        RequestError: a folder is missing, has the name of a known class, or too few pictures.
    """
    found: dict[str, list[Path]] = {}
    taken = {name.casefold(): name for name in known}
    for word in folders:
        folder = _existing(Path(word).expanduser())
        name = unicodedata.normalize("NFC", folder.resolve().name)
        if name.casefold() in taken:
            raise RequestError(_taken(name, taken[name.casefold()], known, folder))
        taken[name.casefold()] = name
        found[name] = _pictures(folder)
    return found


def pictures_below(folder: Path) -> list[Path]:
    """Pictures in a folder and its subfolders, sorted by path; hidden files are left out.

    Raises:
        RequestError: a folder can't be read.
    """
    suffixes = picture_suffixes() | ARRAY_FILES
    found: list[Path] = []
    for here, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(here, name) for name in files if not name.startswith(".") and _suffix(name) in suffixes]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def _existing(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    if folder.exists():
        raise RequestError(f"{folder} is a file. Give the folder with the pictures of the new class: {folder.parent}")
    raise RequestError(
        f"There is no folder {folder}. Give a folder of pictures for each new class; its name is the class."
    )


def _taken(name: str, known: str, classes: Sequence[str], folder: Path) -> str:
    if known not in classes:
        return f"Two of the folders are named {known!r}, so they would be one class. Rename one, or merge them."
    return (
        f"The run has the class {known!r} already, and {folder} would change it. zoo extend only adds classes: rename "
        f"the folder if {name!r} is another class; with more pictures of a known class, train again: zoo run "
        "ARCHITECTURE FOLDER --weights RUN"
    )


def _pictures(folder: Path) -> list[Path]:
    """Pictures of one class, as absolute paths.

    Raises:
        RequestError: there are fewer than two, or the folder holds the folders of several classes.
    """
    found = pictures_below(folder)
    inside = _by_subfolder(folder, found)
    if len(inside) > 1 and sum(map(len, inside.values())) == len(found):
        several = " ".join(str(folder / name) for name in list(inside)[:3])
        raise RequestError(
            f"{folder} has no pictures of its own, only folders of pictures ({', '.join(list(inside)[:5])}). Give each "
            f"class by its own folder: zoo extend RUN {several}"
        )
    if not found:
        raise RequestError(f"{folder} has no pictures (.jpg, .png, .webp, .tif, …). Add pictures of the new class.")
    if len(found) < FEWEST:
        raise RequestError(
            f"{folder} has one picture. A new class needs {FEWEST} or more, one of them for validation; with about "
            "five, add --prototypes."
        )
    return [path.absolute() for path in found]


def _by_subfolder(folder: Path, found: Sequence[Path]) -> Mapping[str, list[Path]]:
    inside: dict[str, list[Path]] = {}
    for path in found:
        parts = path.relative_to(folder).parts
        if len(parts) > 1:
            inside.setdefault(parts[0], []).append(path)
    return inside


def _unreadable(error: OSError) -> None:
    raise RequestError(f"The folder {error.filename} can't be read: {error.strerror}. Fix its permissions.") from error
