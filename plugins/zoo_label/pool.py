"""The pool: the pictures to label, from a folder or from a CSV file."""

from __future__ import annotations

import csv
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.api.formats import ARRAY_FILES, picture_suffixes
from zoo.api.jobs import did_you_mean
from zoo.errors import RequestError
from zoo_label.journal import is_journal

__all__ = ["Listed", "Pool", "by_path", "journal_of", "name_from", "open_pool", "read_list"]

_PATHS = ("path", "image")


@dataclass(frozen=True)
class Listed:
    """A picture in a CSV file.

    Args:
        path: absolute path.
        label: name of its class; empty where the file gives none.
        note: what else the file says of it, for the page.
    """

    path: Path
    label: str
    note: str = ""


@dataclass(frozen=True)
class Pool:
    """N pictures to label.

    Args:
        source: the folder or CSV file.
        paths: absolute paths.
        names: paths as the journal has them.
        given: label of each picture that has one already, by index.
        notices: notices for the user.
    """

    source: Path
    paths: list[Path]
    names: list[str]
    given: dict[int, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.paths)


def journal_of(source: Path) -> Path:
    """Default journal of a pool: ``labels.csv`` in its folder; a pool that is a journal continues itself."""
    if source.is_dir():
        return source / "labels.csv"
    return source if is_journal(source) else source.parent / "labels.csv"


def open_pool(source: Path, journal: Path, *, folders: bool = False) -> Pool:
    """List the pictures of a folder and its subfolders, or those of a CSV file.

    Args:
        source: the folder, or the file with a column ``path`` and, if pictures have labels already, ``label``.
        journal: file of the labels, from whose folder paths are given.
        folders: the folder of a picture names its label.

    Raises:
        RequestError: there is no such folder or file, or it has no pictures.
    """
    if not source.exists():
        near = [path.name for path in source.parent.iterdir()] if source.parent.is_dir() else []
        raise RequestError(
            f"There is no {source}.{did_you_mean(source.name, near)} Give the folder with the pictures, or a CSV file "
            "with a column path: zoo label photos"
        )
    if source.is_dir():
        listed = [Listed(path, path.parent.name if folders else "") for path in _pictures_below(source.absolute())]
    else:
        listed = read_list(source)
        if is_journal(source):  # its labels are read as those of a journal
            listed = [Listed(each.path, "") for each in listed]
    if not listed:
        raise RequestError(
            f"{source} has no pictures (.jpg, .png, .webp, .tif, …). Add pictures, or give their folder."
        )
    kept = [each for each in {each.path: each for each in listed}.values() if _can_be_listed(each.path)]
    left = len({each.path for each in listed}) - len(kept)
    notices = [f"{left} pictures are left out: a CSV file in UTF-8 can't hold their names"] if left else []
    base = journal.absolute().parent
    return Pool(
        source,
        [each.path for each in kept],
        [name_from(base, each.path) for each in kept],
        {index: each.label for index, each in enumerate(kept) if each.label},
        notices,
    )


def name_from(base: Path, path: Path) -> str:
    """Path of a picture in a file of a folder: relative where it lies below the folder, else absolute."""
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


def read_list(file: Path) -> list[Listed]:
    """Read the pictures of a CSV file with a column ``path`` (or ``image``) and perhaps ``label``.

    Paths are relative to the file's folder, or absolute. The columns ``suggested`` and ``reason``, which ``zoo data
    check`` writes, are notes.

    Raises:
        RequestError: the file can't be read, or has no column of paths.
    """
    base = file.absolute().parent
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            column = next((name for name in _PATHS if name in header), None)
            if column is None:
                commas = " They seem to be separated by ';': use commas." if ";" in "".join(header) else ""
                raise RequestError(
                    f"{file} has no column 'path'. It has: {', '.join(header) or 'nothing'}.{commas} Its first line "
                    "must name the columns: path, and label where pictures have labels."
                )
            rows = list(reader)
    except UnicodeDecodeError as error:
        raise RequestError(f"{file} is not UTF-8 text. Save it as 'CSV UTF-8' and try again.") from error
    except (OSError, csv.Error) as error:
        raise RequestError(f"{file} can't be read as CSV: {error}.") from error
    return [
        Listed(Path(os.path.normpath(base / path)), _normal(row.get("label")), _note(row))
        for row in rows
        if (path := (row[column] or "").strip())
    ]


def _note(row: Mapping[str, str | None]) -> str:
    suggested, reason = ((row.get(name) or "").strip() for name in ("suggested", "reason"))
    return "; ".join(part for part in (suggested and f"suggested: {suggested}", reason) if part)


def _normal(label: str | None) -> str:
    return unicodedata.normalize("NFC", (label or "").strip())


def _pictures_below(folder: Path) -> list[Path]:
    """Pictures in a folder and its subfolders, sorted by path; hidden files are left out."""
    suffixes = picture_suffixes() | ARRAY_FILES
    found = [path for path in _walk(folder) if path.suffix.lower() in suffixes]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(here, name) for name in files if not name.startswith("."))


def _unreadable(error: OSError) -> None:
    raise RequestError(f"The folder {error.filename} can't be read: {error.strerror}. Fix its permissions.") from error


def _can_be_listed(path: Path) -> bool:
    """Check that a name is UTF-8 and has no control characters, such as a line break."""
    name = str(path)
    return name.isprintable() or not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)


def by_path(pool: Pool, listed: Sequence[Listed]) -> dict[int, Listed]:
    """The listed pictures that are in the pool, by their index there."""
    index = {path: i for i, path in enumerate(pool.paths)}
    return {index[each.path]: each for each in listed if each.path in index}
