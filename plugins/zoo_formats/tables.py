"""The dataset ``parquet``: images in the rows of Parquet and Arrow files, as the Hugging Face hub keeps them."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from zoo.api.jobs import listing
from zoo.errors import DataError
from zoo_formats.arrow_files import SUFFIXES, ArrowFile
from zoo_formats.features import Asked, TableFormat, format_of
from zoo_formats.glimpse import entries, folders, has_pictures
from zoo_formats.labelled import LabelledImages, ListedImages
from zoo_formats.paths import inside, need_root
from zoo_formats.splits import named, split_in

__all__ = ["ImageTable", "RowPictures", "TableRow", "listed_rows", "recognises", "table_files"]

_WHAT = "a .parquet, .arrow or .feather file, or a folder of them"
_SAVED, _SAVED_SPLITS = "state.json", "dataset_dict.json"
"""Files of ``save_to_disk`` of the library datasets, of one split and of several."""
_FEW = 10
"""Number of folders in which tables are looked for before a folder is recognised."""
_NAMELESS = "The classes have numbers but no names: name them in order with dataset.class_names."


def recognises(path: Path) -> bool:
    """Check for a table, or a folder of them that has no folders of pictures."""
    if path.is_file():
        return path.suffix.lower() in SUFFIXES
    if (path / _SAVED).is_file() or (path / _SAVED_SPLITS).is_file():
        return True
    inner = folders(path)
    places = (path, *inner, *(deeper for each in inner[:_FEW] for deeper in folders(each)[:_FEW]))
    found = any(each.suffix.lower() in SUFFIXES for place in places for each in entries(place))
    return found and not any(map(has_pictures, places))


class TableRow(NamedTuple):
    """A row of one of several files."""

    file: int
    row: int


class RowPictures:
    """Images in a column of tables: encoded bytes, the hub's struct of bytes and path, or paths.

    Args:
        files: the tables.
        column: name of the column.
        hashes: hash of each row's image.
        folder: folder of pictures that are given by their paths.
    """

    def __init__(
        self, files: Sequence[ArrowFile], column: str, hashes: Mapping[TableRow, str], folder: Path | None
    ) -> None:
        self.files, self.column, self.hashes, self.folder = files, column, hashes, folder

    def open(self, place: TableRow) -> Any:
        """Open the image of a row.

        Raises:
            OSError: the row has no image, or its file is missing or damaged.
            DataError: its path is outside of the folder.
        """
        from zoo.api.formats import open_picture

        value = self.files[place.file].value(self.column, place.row)
        data, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        if isinstance(data, str):
            data, path = None, data
        if data is not None:
            return open_picture(io.BytesIO(data))
        if not path:
            raise OSError("the row has no image")
        file = Path(path) if self.folder is None else inside(self.folder, path, str(self.files[place.file].path))
        return file if file.suffix.lower() == ".npy" else open_picture(file)

    def name(self, place: TableRow) -> str:
        """File and number of the row, from 0."""
        return f"{self.files[place.file].path.name}, row {place.row}"

    def fingerprint(self, places: Sequence[TableRow]) -> str:
        """Hash of the images in their order."""
        return hashlib.sha256("\n".join(self.hashes[place] for place in places).encode()).hexdigest()


class ImageTable(LabelledImages[TableRow]):
    """Images in the rows of Parquet or Arrow files, with a column of images and one of labels.

    An image is encoded bytes, the hub's struct of ``bytes`` and ``path``, or a path in the folder of the file. Labels
    are names, or numbers that the hub's description of the columns names (``ClassLabel``); a list of them makes a
    multi-label dataset. Splits are a column, or words in the names of files and folders, such as
    ``data/train-00000-of-00002.parquet``; a folder of ``save_to_disk`` has its own list. All other columns of texts and
    numbers are attributes of the images.

    Args:
        root: a file, or a folder of them.
        split: one of ``available_splits(root)``; ``"all"`` too where there are no splits.
        image_column: column of images; None for the one that the description or its name and type show.
        label_column: column of labels, likewise.
        split_column: column of splits, used where it exists.
        group_column: column of groups of related images, used where it exists.
        class_names: names of the classes of labels 0, 1, 2, … that have none.

    Raises:
        DataError: there is no such file, it is damaged, a column is missing or ambiguous, a label has no name, the
            training images are of one class only, or there is no such split.
        RequestError: pyarrow is not installed.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        image_column: str | None = None,
        label_column: str | None = None,
        split_column: str = "split",
        group_column: str = "group",
        class_names: list[str] | None = None,
    ) -> None:
        asked = Asked(image_column, label_column, split_column, group_column)
        listed, pictures = _read(root, asked, class_names)
        super().__init__(listed, split, pictures, f"images in the rows of {listed.name}")

    @staticmethod
    def available_splits(
        root: Path | None,
        image_column: str | None = None,
        label_column: str | None = None,
        split_column: str = "split",
        group_column: str = "group",
        class_names: list[str] | None = None,
    ) -> tuple[str, ...]:
        """Splits among train, val and test.

        Raises:
            DataError, RequestError: see the class.
        """
        asked = Asked(image_column, label_column, split_column, group_column)
        return _read(root, asked, class_names)[0].split_names

    @staticmethod
    def peek(
        root: Path | None,
        image_column: str | None = None,
        label_column: str | None = None,
        split_column: str = "split",
        group_column: str = "group",
        class_names: list[str] | None = None,
    ) -> dict[str, object]:
        """``multilabel``.

        Raises:
            DataError, RequestError: see the class.
        """
        del class_names
        _, files = table_files(need_root(root, "parquet", _WHAT))
        asked = Asked(image_column, label_column, split_column, group_column)
        return {"multilabel": format_of(ArrowFile(files[0][1]), asked).several}


def _read(root: Path | None, asked: Asked, names: Sequence[str] | None) -> tuple[ListedImages[TableRow], RowPictures]:
    path = need_root(root, "parquet", _WHAT)
    folder, found = table_files(path)
    stamps = tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for _, file in found)
    return _listed_once(stamps, str(path), folder, tuple(found), asked, None if names is None else tuple(names))


@lru_cache(maxsize=2)
def _listed_once(
    stamps: object,
    name: str,
    folder: Path,
    files: Sequence[tuple[str | None, Path]],
    asked: Asked,
    names: Sequence[str] | None,
) -> tuple[ListedImages[TableRow], RowPictures]:
    """Read the tables once for all splits, as long as the files are the same."""
    del stamps
    return listed_rows(name, files, asked, names, folder)


def listed_rows(
    name: str,
    found: Sequence[tuple[str | None, Path]],
    asked: Asked,
    class_names: Sequence[str] | None,
    folder: Path | None,
    notices: Sequence[str] = (),
    remote: Callable[[str], Any] | None = None,
) -> tuple[ListedImages[TableRow], RowPictures]:
    """List the rows of tables, and hash their images.

    Args:
        name: the tables' name for messages.
        found: split and path of each file.
        asked: columns that were asked for.
        class_names: names of the classes by number.
        folder: folder of pictures that are given by path; None for absolute paths.
        notices: sentences for the user.
        remote: opens a file that is elsewhere.

    Raises:
        DataError: see :class:`ImageTable`.
    """
    files = [ArrowFile(path, remote) for _, path in found]
    forms = [format_of(file, asked) for file in files]
    rows = [
        row
        for number, (file, form) in enumerate(zip(files, forms, strict=True))
        for row in _rows(number, file, form, class_names, found[number][0])
    ]
    used = [row for row in rows if row.labels is not None]
    if not used:
        raise DataError(f"{name} has no row with an image and a label.")
    blank = len(rows) - len(used)
    notices = list(notices)
    if blank:
        notices.append(f"Not used: {blank:,} of {len(rows):,} rows of {name}, which have no label.")
    labels = [row.labels or () for row in used]
    if all(form.names is None for form in forms) and class_names is None and _all_numbers(labels):
        notices.append(_NAMELESS)
    places = [row.place for row in used]
    columns = _Columns(files, forms, places)
    splits = [row.split for row in used if row.split is not None]
    listed = ListedImages(
        name,
        places,
        labels,
        any(form.several for form in forms),
        splits=splits if len(splits) == len(used) else None,
        groups=columns.groups(),
        attributes={other: columns.of(other) for other in columns.common},
        contents=[row.digest for row in used],
        notices=notices,
        shards=_row_groups(files, places),
    )
    return listed, RowPictures(files, forms[0].image, {row.place: row.digest for row in used}, folder)


class _Row(NamedTuple):
    """A row as it is read; ``labels`` is None without a label."""

    place: TableRow
    labels: tuple[str, ...] | None
    split: str | None
    digest: str


def _rows(
    number: int, file: ArrowFile, form: TableFormat, class_names: Sequence[str] | None, split: str | None
) -> Iterator[_Row]:
    splits = None if form.split is None else file.column(form.split)
    labels = zip(file.column(form.label), file.digests(form.image), strict=True)
    for row, (label, digest) in enumerate(labels):
        where = f"{file.path}, row {row}"
        own = split if splits is None else _split(splits[row], where)
        yield _Row(TableRow(number, row), _labels(label, form, class_names, where), own, digest)


def _row_groups(files: Sequence[ArrowFile], places: Sequence[TableRow]) -> list[int]:
    """Number of each row's row group, counted over all files."""
    begins = [0]
    for file in files:
        begins.append(begins[-1] + file.group_of(max(len(file) - 1, 0)) + 1)
    return [begins[place.file] + files[place.file].group_of(place.row) for place in places]


class _Columns:
    """Columns of several tables, as texts of the listed rows."""

    def __init__(self, files: Sequence[ArrowFile], forms: Sequence[TableFormat], places: Sequence[TableRow]) -> None:
        self.files, self.forms, self.places = files, forms, places
        self.common = [name for name in forms[0].others if all(name in form.others for form in forms)]

    def of(self, name: str) -> list[str]:
        """A column; what is missing is the empty text."""
        columns = [file.column(name) for file in self.files]
        values = (columns[place.file][place.row] for place in self.places)
        return ["" if value is None else str(value) for value in values]

    def groups(self) -> list[str] | None:
        """Group of each row, alone without one; None where a file has no column of groups."""
        name = self.forms[0].group
        if name is None or any(form.group is None for form in self.forms):
            return None
        return [group or f"{place} alone" for group, place in zip(self.of(name), self.places, strict=True)]


def _labels(label: Any, form: TableFormat, names: Sequence[str] | None, where: str) -> tuple[str, ...] | None:
    """Names of a row's label or labels; None for a row without one."""
    if label is None or label == -1 or (label == "" and not form.several):
        return None
    told = names if names is not None else form.names
    each = label if isinstance(label, list) else [label]
    return tuple(sorted({_name(value, told, where) for value in each if value is not None}))


def _name(value: Any, names: Sequence[str] | None, where: str) -> str:
    if names is None or isinstance(value, str):
        return named(value, where)
    if isinstance(value, int) and 0 <= value < len(names):
        return named(names[value], where)
    raise DataError(
        f"{where}: the label {value!r} has no name; there are {len(names)} names, of 0 to {len(names) - 1}. Name all "
        "classes with dataset.class_names, or correct the file."
    )


def _split(value: Any, where: str) -> str:
    if (split := split_in(str(value))) is None:
        raise DataError(f"{where}: unknown split {value!r}. A split is one of train, val (or validation) and test.")
    return split


def _all_numbers(labels: Sequence[tuple[str, ...]]) -> bool:
    return all(name.lstrip("-").isdigit() for of_image in labels for name in of_image)


def table_files(root: Path) -> tuple[Path, list[tuple[str | None, Path]]]:
    """Folder of the pictures, and split and path of each table.

    Raises:
        DataError: there are no tables, or only some of them have a split, or they are several datasets.
    """
    if root.is_file():
        return root.parent, [(None, root)]
    if (root / _SAVED_SPLITS).is_file():
        named_splits = _json(root / _SAVED_SPLITS).get("splits") or ()
        found = [(split_in(str(s)), file) for s in named_splits for file in _saved(root, str(s))]
    elif (root / _SAVED).is_file():
        found = [(None, file) for file in _saved(root, ".")]
    else:
        found = [(split_in(file.relative_to(root).as_posix()), file) for file in sorted(_tables_below(root))]
        _need_one_dataset(root, [file for _, file in found])
    if not found:
        raise DataError(f"There are no Parquet or Arrow files in {root}.")
    without = [file.name for split, file in found if split is None]
    if without and len(without) < len(found):
        raise DataError(
            f"{root}: {listing(without, most=3)} {'has' if len(without) == 1 else 'have'} no split in the name, unlike "
            "other files there. Give one of the files, or name each with train, val or test."
        )
    return root, found


def _saved(root: Path, split: str) -> Iterator[Path]:
    """Files of a split of ``save_to_disk``, which may be beside files that are not part of it."""
    folder = inside(root, split, str(root / _SAVED_SPLITS)) if split != "." else root
    for each in _json(folder / _SAVED).get("_data_files") or ():
        yield inside(folder, str(each.get("filename")), str(folder / _SAVED))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} can't be read: {error}. Save the dataset again.") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} does not describe a dataset. Save the dataset again.")
    return found


def _tables_below(root: Path) -> Iterator[Path]:
    """Tables in a folder and its subfolders, without hidden ones."""
    for here, inner, files in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".")]
        names = (name for name in files if not name.startswith("."))
        yield from (Path(here, name) for name in names if Path(name).suffix.lower() in SUFFIXES)


def _need_one_dataset(root: Path, files: Sequence[Path]) -> None:
    """Check that tables are parts of one dataset: in one folder, or in a folder for each split."""
    homes = sorted({file.parent.parent if split_in(file.parent.name) else file.parent for file in files})
    if len(homes) > 1:
        names = [home.relative_to(root).as_posix() for home in homes]
        raise DataError(f"{root} has tables of several datasets: {listing(names, most=5)}. Give one: {homes[0]}")
