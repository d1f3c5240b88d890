"""The group of each image: from an attribute of the dataset, or from a CSV file by the images' names."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from zoo.api.images import Split
from zoo.api.jobs import did_you_mean, listing
from zoo.errors import RequestError

__all__ = ["NO_VALUE", "group_values"]

NO_VALUE = "(no value)"
"""Group of the images whose cell is blank."""
MOST = 100
"""Maximum number of groups."""
_PATHS = ("path", "file", "filename", "image", "name")
_TYPE = "Type: --group COLUMN, or --group FILE.csv:COLUMN"


def group_values(split: Split, column: str) -> list[str]:
    """Look up the group of each image of a split.

    Args:
        column: name of an attribute of the images, or ``FILE.csv:COLUMN``.

    Returns:
        The group of each of the N images; :data:`NO_VALUE` for a blank one.

    Raises:
        RequestError: there is no such column or file, it has no value for any image or a single value for all, or it
            has too many values; or no column is given.
    """
    if not column:
        raise RequestError(f"The analysis 'groups' needs a column. {_TYPE}")
    file, _, name = column.rpartition(":")
    values = _of_file(Path(file).expanduser(), name, split.names) if file.endswith(".csv") else _own(split, column)
    return _checked([value.strip() or NO_VALUE for value in values], column, split.name)


def _own(split: Split, column: str) -> Sequence[str]:
    if not split.attributes:
        raise RequestError(
            f"The {split.name} images have no columns, so they can't be grouped by {column!r}: their dataset is not a "
            "CSV file with further columns. Give the groups in a file with the columns path and COLUMN. Type: --group "
            "FILE.csv:COLUMN"
        )
    if column not in split.attributes:
        known = list(split.attributes)
        raise RequestError(
            f"The images have no column {column!r}.{did_you_mean(column, known)} Their columns are: {listing(known)}. "
            f"{_TYPE}"
        )
    return split.attributes[column]


def _checked(values: list[str], column: str, split: str) -> list[str]:
    groups = sorted(set(values))
    if len(groups) > MOST:
        ranges = " Its values are numbers: write their ranges into a column, such as 20-39." if _numeric(groups) else ""
        raise RequestError(
            f"The column {column!r} has {len(groups):,} values in the {split} images, such as {listing(groups, most=3)}"
            f"; at most {MOST} groups can be reported.{ranges} {_TYPE}"
        )
    if groups == [NO_VALUE]:
        raise RequestError(f"The column {column!r} is blank for all {split} images. Fill it in. {_TYPE}")
    if len(groups) == 1:
        raise RequestError(
            f"All {split} images have {groups[0]!r} in the column {column!r}, so there is one group. Give a column "
            f"with two values or more. {_TYPE}"
        )
    return values


def _numeric(groups: list[str]) -> bool:
    try:
        return bool([float(each) for each in groups if each != NO_VALUE])
    except ValueError:
        return False


def _of_file(file: Path, column: str, names: Sequence[str]) -> list[str]:
    """Values of a CSV file by the images' names: the end of an image's path must be the path of its row."""
    by_name: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for path, value in _rows(file, column):
        parts = _parts(path)
        by_name[parts[-1]].append((parts, value))
    found = [_match(name, by_name, file) for name in names]
    if all(value is None for value in found):
        first = next(iter(by_name.values()))[0][0]
        raise RequestError(
            f"{file} names none of the images: its first path is {'/'.join(first)}, that of an image {names[0]}. The "
            "end of an image's path must be the path in the file, such as cats/1.jpg."
        )
    return [value or "" for value in found]


def _match(name: str, by_name: dict[str, list[tuple[tuple[str, ...], str]]], file: Path) -> str | None:
    parts = _parts(name)
    values = {value for ends, value in by_name.get(parts[-1], ()) if parts[-len(ends) :] == ends}
    if len(values) > 1:
        raise RequestError(
            f"{file} has several values for {name}: {listing(sorted(values))}. Write more of the path into the file, "
            "such as cats/1.jpg."
        )
    return next(iter(values), None)


def _parts(path: str) -> tuple[str, ...]:
    return PurePosixPath(path.replace("\\", "/").removeprefix("./")).parts


def _rows(file: Path, column: str) -> list[tuple[str, str]]:
    """The path and the value of each row."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            header = reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            where = next((name for name in _PATHS if name in header), None)
            if column not in header or where is None:
                raise RequestError(_lacking(file, column, header, where))
            rows = [((row[where] or "").strip(), (row[column] or "").strip()) for row in reader]
    except FileNotFoundError:
        raise RequestError(f"There is no file {file}. {_TYPE}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{file} can't be read as CSV in UTF-8: {error}") from error
    if not (filled := [row for row in rows if row[0]]):
        raise RequestError(f"{file} has no rows. Each row is an image: {where},{column}")
    return filled


def _lacking(file: Path, column: str, header: list[str], where: str | None) -> str:
    if where is None:
        return f"{file} has no column of paths, {listing(_PATHS)}; it has: {listing(header) or 'none'}. Rename one."
    others = [name for name in header if name != where]
    return (
        f"{file} has no column {column!r}.{did_you_mean(column, others)} It has: {listing(others) or 'only paths'}. "
        f"Type: --group {file}:COLUMN"
    )
