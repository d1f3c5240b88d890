"""Tables as competitions write them: columns of other names, ids without suffix, a column of 0 and 1 for each class."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.errors import DataError
from zoo_images.files import did_you_mean
from zoo_images.tree import composed, is_image

__all__ = ["LABELS", "PATHS", "column_among", "flag_columns", "picture_paths"]

PATHS = ("image_id", "image_name", "image", "img", "filename", "file_name", "id_code", "id")
LABELS = ("class", "class_name", "category", "species", "breed", "diagnosis", "target")
_FLAGS = frozenset({"0", "1", "0.0", "1.0"})


def column_among(wanted: str, default: str, others: Sequence[str], header: Sequence[str]) -> str:
    """The wanted column; where it is the default and missing, the only other one of that meaning.

    Args:
        wanted: the column, as it was asked for.
        default: its usual name.
        others: other names of that meaning, the most probable first.
        header: the columns of the file.
    """
    found = [name for name in header if name.casefold() in others]
    if wanted != default or wanted in header or not found:
        return wanted
    return min(found, key=lambda name: others.index(name.casefold()))


def flag_columns(table: Path, header: Sequence[str], taken: Iterable[str]) -> list[str]:
    """Columns that have only 0 and 1; empty where there are fewer than two.

    Args:
        table: the file.
        header: its columns.
        taken: columns with another meaning.

    Raises:
        OSError, csv.Error, UnicodeDecodeError: the file can't be read.
    """
    places = {name: place for place, name in enumerate(header) if name and name not in taken}
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        next(rows, None)
        for row in rows:
            if row:
                flags = {name for name, place in places.items() if place < len(row) and row[place].strip() in _FLAGS}
                places = {name: place for name, place in places.items() if name in flags}
    return list(places) if len(places) > 1 else []


def picture_paths(table: Path, names: Sequence[str], images: str | None) -> tuple[list[Path], list[str]]:
    """Paths of listed pictures, and notices about where they were found.

    A name is a path from the folder of the file. Where the first picture is not there, its name is looked up in the
    folders that are usual for tables of ids, also without its suffix.

    Args:
        table: the file.
        names: names of the pictures as listed.
        images: folder of the pictures; None to find it.

    Raises:
        DataError: the folder doesn't exist, or two pictures have the name of one id.
    """
    home = table.parent
    if images is not None:
        home = home / Path(images).expanduser()
        if not home.is_dir():
            near = [path.name for path in table.parent.iterdir() if path.is_dir()]
            raise DataError(f"There is no folder {home} with the pictures of {table}.{did_you_mean(home.name, near)}")
    first = names[0]
    if (home / first).is_file() or (images is not None and is_image(Path(first))):
        return [home / name for name in names], []  # joining an absolute path leaves it as it is
    stem = table.stem
    guesses = ("images", stem, f"{stem}_images", "train", "train_images") if images is None else ()
    for folder in dict.fromkeys((home, *(home / guess for guess in guesses))):
        if not folder.is_dir():
            continue
        if folder != home and (folder / first).is_file():
            return [folder / name for name in names], [f"The pictures of {table.name} are in {folder.name}/."]
        by_id = {} if is_image(Path(first)) else _by_id(folder, names)
        if first in by_id:
            where = "its folder" if folder == home else f"{folder.name}/"
            said = f"The pictures of {table.name} are listed without a suffix, and found in {where}."
            return [by_id.get(name, folder / name) for name in names], [said]
    return [home / name for name in names], []


def _by_id(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """Pictures of a folder by their names without suffix, of those that are listed."""
    wanted, found = set(names), {}
    with os.scandir(folder) as entries:
        for path in sorted(Path(entry.path) for entry in entries):
            name = composed(path.stem)
            if name not in wanted or not is_image(path):
                continue
            if name in found:
                raise DataError(
                    f"The id {name!r} is {found[name].name} and {path.name} in {folder}: remove one of them."
                )
            found[name] = path
    return found
