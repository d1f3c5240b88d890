"""Columns of numbers in a CSV file: values of a regression, or names of classes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import NamedTuple

from zoo.errors import DataError

__all__ = ["LabelCell", "as_values", "few_values", "holds_values", "need_spread", "number"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LIKELY, _ROWS = 0.9, 10
"""Share of numbers from which on other words in a column of decimal numbers are errors, and the rows that it takes."""
_FEW = 20
_MISSING = ("nan", "inf", "infinity", "na", "n/a", "none", "null")
_LEAST_SPREAD = 1e-5
"""Least standard deviation, as a fraction of the mean: float32, in which values are predicted, rounds by 6e-8."""
AS_CLASSES = "--set 'dataset.value_columns=[]'"
"""What to type to read numbers as names of classes."""


class LabelCell(NamedTuple):
    """A cell of the file: its text, the name of its column, and its line."""

    text: str
    column: str
    line: int


def number(text: str) -> float | None:
    """A finite decimal number; None for any other text, such as ``nan``, ``1_000`` or ``3,5``."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else None


def holds_values(table: Path, cells: Sequence[LabelCell]) -> bool:
    """Check that the column of labels holds values of a regression: numbers, at least one of them not whole.

    Raises:
        DataError: almost all cells of such a column are numbers, but not all.
    """
    found = [number(cell.text) for cell in cells]
    many = len({cell.text for cell in cells}) > min(_FEW, len(cells) / 2)
    meant = [
        number(cell.text.replace(",", ".", 1)) if many else value for cell, value in zip(cells, found, strict=True)
    ]
    numbers = [value for value in meant if value is not None]
    if all(value.is_integer() for value in numbers):
        return False
    if None not in found:
        return True
    known = sum(not _is_missing(cell.text) for cell in cells)
    if known < _ROWS or len(numbers) < _LIKELY * known:
        return False
    wrong = next(cell for cell, value in zip(cells, found, strict=True) if value is None)
    decimal = len(found) - found.count(None)
    others = (
        f" The other labels are values ({decimal:,} of {len(cells):,} cells are decimal numbers)." if decimal else ""
    )
    raise DataError(
        f"{_not_a_number(table, wrong)}{others} Correct the cell or remove the line; or read all labels as names of "
        f"classes: {AS_CLASSES}"
    )


def as_values(table: Path, rows: Sequence[Sequence[LabelCell]]) -> list[tuple[float, ...]]:
    """Convert the cells of each row to numbers.

    Raises:
        DataError: a cell is not a finite number.
    """
    return [tuple(_value(table, cell) for cell in cells) for cells in rows]


def need_spread(table: Path, names: Sequence[str], values: Sequence[Sequence[float]]) -> None:
    """Check that training values vary, and by more than float32 rounds them.

    Args:
        names: names of the K columns.
        values: rows of K values.

    Raises:
        DataError: no column varies, or one varies by too little beside its mean.
    """
    columns = dict(zip(names, zip(*values, strict=True), strict=True))
    varied = {name: column for name, column in columns.items() if max(column) > min(column)}
    if not varied and len(values) > 1:
        raise DataError(
            f"{table} has the same {' and '.join(names)} in all {len(values):,} training rows, so there is nothing to "
            "learn. Add rows of other values, or name other columns: --set 'dataset.value_columns=[NAME]'"
        )
    for name, column in varied.items():
        middle, spread = fmean(column), pstdev(column)
        if spread < _LEAST_SPREAD * abs(middle):
            raise DataError(
                f"{table}: the values of {name!r} vary by {spread:.3g} around {middle:.6g}, which is too little beside "
                "their size for the precision of float32. Subtract a constant from the column, such as "
                f"{min(column):.10g}, and train on the differences."
            )


def few_values(table: Path, column: str, values: Sequence[tuple[float, ...]]) -> list[str]:
    """Notice for a column with so few different numbers that they may be names; an empty list for any other."""
    different = len(set(values))
    if different > min(_FEW, len(values) / 2):
        return []
    return [
        f"The column {column} of {table.name} has {different} different numbers, which are read as values. If they are "
        f"names of classes: {AS_CLASSES}"
    ]


def _value(table: Path, cell: LabelCell) -> float:
    value = number(cell.text)
    if value is None:
        raise DataError(f"{_not_a_number(table, cell)} Correct the cell, or remove the line.")
    return value


def _not_a_number(table: Path, cell: LabelCell) -> str:
    hint = ""
    if number(cell.text.replace(",", ".", 1)) is not None:
        hint = f" Use a decimal point: {cell.text.replace(',', '.', 1)}."
    elif _is_missing(cell.text):
        hint = " A missing value can't be learned."
    return f"{table}, line {cell.line}: the {cell.column} is {cell.text!r}, not a finite number.{hint}"


def _is_missing(text: str) -> bool:
    return text.lower().lstrip("+-") in _MISSING
