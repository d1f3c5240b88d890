"""The dataset ``image_csv``: images listed in a CSV file."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import DataError
from zoo_images.answer_log import AnswerLog, is_log
from zoo_images.files import (
    ORDER,
    SPLIT_WORDS,
    ImageFiles,
    case_twins,
    class_names,
    did_you_mean,
    need_split,
    need_two_classes,
    shorten,
)
from zoo_images.loose_tables import LABELS, PATHS, column_among, flag_columns, picture_paths
from zoo_images.numbers import LabelCell, as_values, few_values, holds_values, need_spread
from zoo_images.table_columns import TableColumns
from zoo_images.tree import composed

__all__ = ["Columns", "ImageCsv", "Row", "Table", "find_table", "read_table"]


class ImageCsv(ImageFiles):
    """Images listed in a CSV file with a header, one per line: ``path,label`` and optionally ``split``.

    Paths are relative to the file's own folder, or absolute. The file is UTF-8, separated by commas. A listed
    image that is missing is a bad image when it is opened, not an error here.

    An image may have several labels, or none, in a file with a column ``labels``, such as ``cat;dog``, in place of
    ``label``; or with a column of 0 and 1 for each class, named by ``class_columns``.

    Labels that are decimal numbers, at least one of them not whole, are values of a regression, as are those of the
    columns named by ``value_columns``. Whole numbers are names of classes; ``--task regression`` reads them as values.
    Tables of competitions open as they are: ``image_id``, ``id`` and other usual names stand for ``path``, ``breed`` or
    ``category`` for ``label``; pictures may be listed without their suffix, and be in ``images/``, or in a folder named
    like the file. Without a column of labels, two or more columns of 0 and 1 are the classes: one of an image where
    each row has a single 1, else several. A notice says what was found.

    A split column fixes the splits: a run records a digest of the paths, labels and splits of all rows, in any order,
    and refuses to be resumed or evaluated with another.

    A file with the columns ``event`` and ``when`` is a log of answers, as ``zoo label`` writes it: the last line of an
    image holds, and an image whose last label is blank is left out.

    All other columns, such as ``camera``, are attributes of the images, for numbers by group: ``--group camera``.

    Args:
        root: the file, or its folder.
        split: one of ``available_splits(root)``; ``"all"`` too where the file has no split column.
        file: the file's name in the folder; needed where a folder has several .csv files.
        path_column: the header of the column of paths.
        label_column: the header of the column of class names.
        split_column: the header of the column of ``train``, ``val`` (also ``valid``, ``validation``) or ``test``.
        labels_column: the header of the column of several class names; used where there is no ``label_column``.
        separator: separator of those names.
        class_columns: the headers of columns with 1 for an image of that class, else 0.
        group_column: the header of the column of groups of related images, such as those of one patient, film or track;
            used where it exists. Validation keeps groups together. A blank cell is a group of one image.
        value_columns: the headers of columns of numbers, the values of a regression, in place of ``label_column``. An
            empty list reads numbers in ``label_column`` as names of classes.
        images: folder of the pictures, from which their paths are relative; None for the file's own, or those above.

    Raises:
        DataError: there is no such file, or it lacks a column, has no rows, a row lacks its path or label, or
            names an unknown split; two classes differ by case only; the training images are of one class only; a value
            is not a finite number; there is no such split.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        file: str | None = None,
        path_column: str = "path",
        label_column: str = "label",
        split_column: str = "split",
        labels_column: str = "labels",
        separator: str = ";",
        class_columns: list[str] | None = None,
        group_column: str = "group",
        value_columns: list[str] | None = None,
        images: str | None = None,
    ) -> None:
        path = find_table(root, file)
        names = (path_column, label_column, split_column, labels_column, separator)
        found = read_table(path, Columns(*names, class_columns, group_column, value_columns))
        need_split(split, _splits_of(found.rows, extra="all"), str(path))
        chosen = [row for row in found.rows if split == "all" or row.split in (None, split)]
        paths, said = picture_paths(path, [row.path for row in chosen], images)
        groups = None if chosen[0].group is None else [str(row.group) for row in chosen]
        about: dict[str, Any] = {"source": f"images listed in {path}", "groups": groups}
        notices = [*found.notices, *said, *_disagreements(path, chosen)]
        numbers = found.lines or range(len(found.rows))
        lines = [n for n, row in zip(numbers, found.rows, strict=True) if split == "all" or row.split in (None, split)]
        self.attributes = TableColumns(path, [composed(split_column), *found.own], lines)
        self.split_digest = digest_of(found.rows)
        if found.task == "regression":
            values = as_values(path, [row.cells for row in chosen])
            if split == "train":
                need_spread(path, found.names, values)
            notices += [] if value_columns else few_values(path, found.names[0], values)
            super().__init__(paths, values, value_names=found.names, notices=notices, **about)
            return
        several = found.task == "multi-label"
        labels = [row.labels if several else row.labels[0] for row in chosen]
        if split == "train":
            need_two_classes(class_names(labels), str(path), "Add rows of another class.")
        super().__init__(paths, labels, multilabel=several, notices=notices, **about)
        if not several:
            self.target_name = found.names[0]

    @staticmethod
    def available_splits(
        root: Path | None, file: str | None = None, images: str | None = None, **columns: Any
    ) -> tuple[str, ...]:
        """Splits of the file among train, val and test, in this order; train without a split column.

        Raises:
            DataError: see the class.
        """
        del images
        return _splits_of(read_table(find_table(root, file), Columns(**columns)).rows)

    @staticmethod
    def peek(
        root: Path | None, file: str | None = None, images: str | None = None, **columns: Any
    ) -> dict[str, object]:
        """``task``, and the path of one image for the number of channels.

        Raises:
            DataError: see the class.
        """
        table = find_table(root, file)
        found = read_table(table, Columns(**columns))
        return {
            "task": found.task,
            "multilabel": found.task == "multi-label",
            "first": picture_paths(table, [found.rows[0].path], images)[0][0],
        }


class Columns(NamedTuple):
    """Names of the columns of a file, by parameter."""

    path_column: str = "path"
    label_column: str = "label"
    split_column: str = "split"
    labels_column: str = "labels"
    separator: str = ";"
    class_columns: list[str] | None = None
    group_column: str = "group"
    value_columns: list[str] | None = None

    def composed(self) -> Columns:
        """Return the names in the normal form of the header."""
        own = self._asdict()
        one = {name: composed(value) for name, value in own.items() if isinstance(value, str)}
        many = {name: [composed(each) for each in value] for name, value in own.items() if isinstance(value, list)}
        return self._replace(**one, **many)

    def task_in(self, header: list[str]) -> str:
        """Task of a file with this header, as far as its columns say; labels that are numbers may say another."""
        if self.value_columns:
            return "regression"
        several = self.class_columns or (self.labels_column in header and self.label_column not in header)
        return "multi-label" if several else "single-label"


class Row(NamedTuple):
    """One listed image; ``split`` and ``group`` are None in a file without such a column.

    Args:
        cells: the labels of an image with one label or with values, as they stand in the file.
    """

    path: str
    labels: list[str]
    split: str | None
    group: str | None = None
    cells: tuple[LabelCell, ...] = ()


class Table(NamedTuple):
    """A file: its rows, its task, and the names of the columns of labels or values.

    Args:
        own: columns of paths, labels and values, which are no attributes.
        notices: sentences about the columns that were found.
        lines: numbers of the rows in the file, from 0, where it has others; else empty.
    """

    rows: list[Row]
    task: str
    names: list[str]
    own: list[str]
    notices: Sequence[str]
    lines: Sequence[int] = ()


def find_table(root: Path | None, file: str | None = None) -> Path:
    """Find the CSV file of ``root`` and ``file``.

    Raises:
        DataError: there is no such file, or there are several.
    """
    if root is None:
        raise DataError("image_csv needs a file: zoo run simple_cnn image_csv --data FILE.csv")
    root = Path(root).expanduser()
    if file is not None:
        root = (root if root.is_dir() else root.parent) / file
    if root.is_dir():
        return _only_table(root)
    if root.is_file():
        return root
    others = [path.name for path in root.parent.glob("*.csv")] if root.parent.is_dir() else []
    raise DataError(
        f"There is no file {root}.{did_you_mean(root.name, others)} image_csv needs a CSV file with the columns "
        "path, label and optionally split: zoo run simple_cnn image_csv --data FILE.csv"
    )


def read_table(table: Path, columns: Columns) -> Table:
    """Read all rows of the file.

    Raises:
        DataError: a column is missing, a row is incomplete or names an unknown split, there are no rows, almost all
            labels are decimal numbers, or the file is not a CSV file in UTF-8.
    """
    if columns.value_columns and columns.class_columns:
        raise DataError("value_columns is for a regression, and class_columns for several labels: remove one of them.")
    asked = columns = columns.composed()
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            header = reader.fieldnames = [composed(name.strip()) for name in reader.fieldnames or []]
            columns = _found(table, header, columns)
            task = columns.task_in(header)
            log = _log(table, reader, header, columns, task)
            rows = list(_rows(table, log or reader, header, columns, task))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{table} is not UTF-8 text ({error.reason} at byte {error.start}). Save it as 'CSV UTF-8' and try again."
        ) from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{table} can't be read as CSV: {error}") from error
    if not rows and log:
        raise DataError(f"{table} has no image with a label: label pictures first, with zoo label")
    if not rows:
        raise DataError(f"{table} lists no images: it has only a header. Each row is an image: path,label[,split]")
    one_hot = (
        columns.class_columns is not None and asked.class_columns is None and all(len(r.labels) == 1 for r in rows)
    )
    task = "single-label" if one_hot else task
    if task == "single-label" and columns.value_columns is None and not one_hot:
        task = "regression" if holds_values(table, [row.cells[0] for row in rows]) else task
    if task != "regression":
        _need_one_spelling(table, rows)
    names = columns.value_columns or [columns.label_column]
    own = [columns.path_column, *(columns.class_columns or ()), *(columns.value_columns or ())]
    own.append(columns.labels_column if task == "multi-label" else columns.label_column)
    notices = [*_said(table, asked, columns, task), *(log.notices if log else ())]
    return Table(rows, task, names, own, notices, log.lines if log else ())


def _found(table: Path, header: list[str], asked: Columns) -> Columns:
    """Columns of the file, where they have other names than asked for by default."""
    usual = Columns()
    path = column_among(asked.path_column, usual.path_column, PATHS, header)
    label = column_among(asked.label_column, usual.label_column, LABELS, header)
    columns = asked._replace(path_column=path, label_column=label)
    known = {label, asked.labels_column} & set(header) or asked.class_columns or asked.value_columns
    if known or label != usual.label_column or path not in header:
        return columns
    flags = flag_columns(table, header, (path, asked.split_column, asked.group_column))
    return columns._replace(class_columns=flags or None)


def _said(table: Path, asked: Columns, found: Columns, task: str) -> list[str]:
    """Notices about columns that were not asked for."""
    notices = []
    if found.path_column != asked.path_column:
        notices.append(f"The column {found.path_column} of {table.name} names the pictures.")
    if found.label_column != asked.label_column and task != "multi-label":
        notices.append(f"The column {found.label_column} of {table.name} has the labels.")
    if found.class_columns and not asked.class_columns:
        each = "several" if task == "multi-label" else "one"
        notices.append(
            f"{len(found.class_columns)} columns of 0 and 1 of {table.name} are the classes, {each} of an image: "
            f"{shorten(found.class_columns)}."
        )
    return notices


def _disagreements(table: Path, rows: list[Row]) -> list[str]:
    """Notice about pictures that are listed more than once with different labels; an empty list without any."""
    seen: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        seen.setdefault(row.path, set()).add(tuple(row.labels))
    twice = [path for path, labels in seen.items() if len(labels) > 1]
    if not twice:
        return []
    pictures = "picture is" if len(twice) == 1 else "pictures are"
    return [f"{len(twice):,} {pictures} listed more than once in {table.name} with different labels: {shorten(twice)}."]


def digest_of(rows: list[Row]) -> str | None:
    """Digest of the division of images into splits: all paths, labels and splits; None without a split column."""
    if rows[0].split is None:
        return None
    lines = sorted(f"{[row.path, row.labels if row.cells else sorted(row.labels), row.split]}" for row in rows)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "backslashreplace")).hexdigest()


def _log(table: Path, reader: csv.DictReader[str], header: list[str], columns: Columns, task: str) -> AnswerLog | None:
    """The rows that hold of a log of answers; None for another file."""
    needed = {columns.path_column: "path_column=NAME", columns.label_column: "label_column=NAME"}
    if task == "multi-label" or columns.value_columns or not is_log(header):
        return None
    _need_columns(table, header, needed)
    return AnswerLog(reader, columns.path_column, columns.label_column)


def _need_one_spelling(table: Path, rows: list[Row]) -> None:
    if twins := case_twins(class_names(row.labels for row in rows)):
        raise DataError(
            f"The classes {' and '.join(map(repr, twins))} in {table} differ by case only: use one spelling, or "
            "rename one."
        )


def _rows(
    table: Path, reader: csv.DictReader[str] | AnswerLog, header: list[str], columns: Columns, task: str
) -> Iterator[Row]:
    needed = {columns.path_column: "path_column=NAME"}
    if task == "single-label":
        needed[columns.label_column] = "label_column=NAME"
    needed |= dict.fromkeys(columns.class_columns or (), "class_columns=[NAME,NAME]")
    needed |= dict.fromkeys(columns.value_columns or (), "value_columns=[NAME,NAME]")
    if columns.group_column != Columns().group_column:  # set explicitly
        needed[columns.group_column] = "group_column=NAME"
    _need_columns(table, header, needed)
    grouped = columns.group_column in header
    for cells in reader:
        where = f"{table}, line {reader.line_num}"
        path = _filled(cells, columns.path_column, where)
        own = [] if task == "multi-label" else columns.value_columns or [columns.label_column]
        texts = tuple(LabelCell(_filled(cells, name, where), name, reader.line_num) for name in own)
        labels = [composed(label) for label in ([c.text for c in texts] if own else _several(cells, columns, where))]
        named = columns.split_column in header
        split = _split(_filled(cells, columns.split_column, where), where) if named else None
        yield Row(path, labels, split, _group(cells, columns.group_column, path) if grouped else None, texts)


def _group(cells: Mapping[str, str | None], column: str, path: str) -> str:
    return (cells[column] or "").strip() or f"{path} alone"


def _several(cells: Mapping[str, str | None], columns: Columns, where: str) -> list[str]:
    """Labels of a row, in any number."""
    if columns.class_columns:
        return [name for name in columns.class_columns if _is_one(cells, name, where)]
    words = (cells[columns.labels_column] or "").split(columns.separator)
    return [word.strip() for word in words if word.strip()]


def _is_one(cells: Mapping[str, str | None], column: str, where: str) -> bool:
    text = _filled(cells, column, where)
    if text not in ("0", "1", "0.0", "1.0"):
        raise DataError(f"{where}: the {column} is {text!r}. It must be 1 for images of that class, and 0 for others.")
    return text.startswith("1")


def _need_columns(table: Path, header: list[str], needed: Mapping[str, str]) -> None:
    """Check that the columns exist; ``needed`` maps each name to the option that renames it."""
    if not header:
        raise DataError(f"{table} is empty. Its first line names the columns: {','.join(needed)}")
    for name in (name for name in needed if name not in header):
        tip = f"rename the column, or set it with --set dataset.{needed[name]}"
        if len(header) == 1 and (marks := [mark for mark in ";\t|" if mark in header[0]]):
            tip = f"it seems to be separated by {marks[0]!r}; use commas"
        known = needed[name].startswith("label_column") and len(header) > 1
        values = " For values in other columns: --set 'dataset.value_columns=[NAME]'" if known else ""
        raise DataError(
            f"{table} has no column {name!r}.{did_you_mean(name, header)} It has: {', '.join(header)}. To fix it, "
            f"{tip}.{values}"
        )


def _filled(cells: Mapping[str, str | None], column: str, where: str) -> str:
    # A short row has None for the cells that it lacks.
    text = (cells[column] or "").strip()
    if not text:
        raise DataError(f"{where}: the {column} is blank. Fill it in, or remove the line.")
    return text


def _split(word: str, where: str) -> str:
    if word.casefold() not in SPLIT_WORDS:
        raise DataError(
            f"{where}: unknown split {word!r}.{did_you_mean(word, SPLIT_WORDS)} A split is one of train, "
            "val (or valid, validation) and test."
        )
    return SPLIT_WORDS[word.casefold()]


def _splits_of(rows: list[Row], extra: str | None = None) -> tuple[str, ...]:
    named = {row.split for row in rows}
    if None in named:
        return ("train", extra) if extra else ("train",)
    return tuple(name for name in ORDER if name in named)


def _only_table(folder: Path) -> Path:
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and path.is_file())
    if not tables:
        raise DataError(f"There is no .csv file in {folder}. If it contains class folders: zoo run simple_cnn {folder}")
    if len(tables) > 1:
        names = [path.name for path in tables]
        raise DataError(
            f"{folder} has {len(names)} .csv files: {shorten(names)}. Choose one: --data {folder / names[0]}, or "
            f"--set dataset.file={names[0]}"
        )
    return tables[0]
