"""Architectures of ``zoo list``: their published facts, filtered and sorted."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from zoo.errors import RequestError

Row = Mapping[str, Any]
SORTS = ("name", "params", "accuracy")
FACTS = ("input_size", "num_parameters", "top1", "license")
"""Fields of an architecture that the table shows."""
_COLUMNS = {"params": "num_parameters", "accuracy": "top1", "size": "input_size", "license": "license"}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|<|>|=)\s*(\S+)\s*")


def ordered(rows: Iterable[Row], by: str) -> list[Row]:
    """Sort rows by name, by size (smallest first) or by accuracy (best first); unknown values come last."""
    rows = sorted(rows, key=lambda row: str(row["id"]))
    if by == "name":
        return rows
    column, sign = _COLUMNS[by], -1 if by == "accuracy" else 1
    return sorted(rows, key=lambda row: (row[column] is None, sign * (row[column] or 0)))


def chosen(rows: Sequence[Row], conditions: Iterable[str]) -> list[Row]:
    """Select the rows that meet all conditions such as ``params<10``; a row without the value meets none.

    Raises:
        RequestError: a condition is malformed.
    """
    found = list(rows)
    for text in conditions:
        column, compare, value = _parse(text)
        found = [row for row in found if row[column] not in (None, "") and compare(row[column], value)]
    return found


def _parse(text: str) -> tuple[str, Callable[[Any, Any], bool], Any]:
    match = _CONDITION.fullmatch(text)
    if match is None or match[1] not in _COLUMNS or (match[1] == "license" and match[2] != "="):
        raise RequestError(
            f"--filter {text!r} is not a condition. Examples: params<10 (millions), size<=224 (pixels), "
            "accuracy>80 (percent), license=apache-2.0"
        )
    name, sign, value = match.groups()
    if name == "license":
        return _COLUMNS[name], operator.eq, value.lower()
    try:
        number = float(value.rstrip("mM%"))
    except ValueError:
        raise RequestError(f"--filter {text!r}: {value!r} is not a number.") from None
    scale = {"params": 1e6, "accuracy": 0.01}.get(name, 1.0)
    return _COLUMNS[name], _OPERATORS[sign], number * scale
