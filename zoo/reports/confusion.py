"""The confusion matrix on a terminal: cells where there is room for them, else the pairs that are confused most."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from zoo.reports import reading
from zoo.reports.parts import BAD, Middle, bare_table, heading, middle
from zoo.reports.words import clean, count, percent
from zoo.runner.run_result import RunResult

__all__ = ["confusion", "pairs_table"]

PAIRS = 10
SHARED, SHARE = 4, 7
"""Up to so many classes there is room for each cell's share of its row too, in so many characters."""
CELLS = 66
"""Columns that the cells may take together, of 80: about 12 classes; what is left is for the names of the rows."""
# Shades from the ground to the full colour, for right and for wrong cells; white on them is readable everywhere.
_GROUND, _RIGHT, _WRONG = (38, 42, 48), (22, 120, 62), (176, 42, 42)


def confusion(result: RunResult, split: str) -> list[RenderableType]:
    """A heading and the matrix, or the most confused pairs; nothing where there is no matrix."""
    matrix = reading.confusion_of(result, split)
    classes = [clean(name) for name in result.classes]
    if not matrix or len(classes) != len(matrix):
        return []
    width = _cell_width(matrix)
    if len(classes) * (width + 1) <= CELLS:
        table = _matrix(matrix, classes, width)
        return [heading("Confusion", "rows are true classes, columns predicted classes"), table]
    pairs = reading.confused_pairs(matrix, classes, PAIRS)
    return [heading("Most frequent confusions", f"of {len(classes)} classes"), pairs_table(pairs)] if pairs else []


def pairs_table(pairs: list[tuple[str, str, int, float]]) -> Table:
    """The most frequent errors, most first."""
    table = bare_table("true", "predicted", "images", "of its class", right=(2, 3), most={0: 28, 1: 28})
    for true, predicted, images, share in pairs:
        table.add_row(Middle(true), Middle(predicted, BAD), count(images), percent(share))
    return table


def _cell_width(matrix: list[list[int]]) -> int:
    digits = max(len(count(cell)) for row in matrix for cell in row)
    return digits + (SHARE if len(matrix) <= SHARED else 0) + 2


def _matrix(matrix: list[list[int]], classes: list[str], width: int) -> Table:
    # Names over the columns while they fit well enough to tell them apart, else numbers, with a key in the rows.
    heads = [middle(name, width) for name in classes]
    named = len(set(heads)) == len(heads) and all(cell_len(name) <= max(width, 8) for name in classes)
    heads = heads if named else [str(i) for i in range(1, len(classes) + 1)]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", max_width=max(12, 78 - len(heads) * (width + 1)))
    for head in heads:
        table.add_column(Text(f"{head} " if cell_len(head) < width else head), justify="right", width=width)
    for i, row in enumerate(matrix):
        cells = (_cell(cell, sum(row), i == j, len(row)) for j, cell in enumerate(row))
        table.add_row(Middle(classes[i] if named else f"{heads[i]} {classes[i]}"), *(_wide(c, width) for c in cells))
    return table


def _cell(cell: int, total: int, right: bool, classes: int) -> Text:
    if not cell and not right:
        return Text("· ", "dim")
    share = cell / total if total else 0.0
    # A wrong cell is glaring from a quarter of its class on: errors are small shares, and matter.
    weight, colour = (share, _RIGHT) if right else (min(1.0, 4 * share), _WRONG)
    red, green, blue = (round(a + (b - a) * weight) for a, b in zip(_GROUND, colour, strict=True))
    shown = f"{count(cell)} {percent(share):>{SHARE - 1}} " if classes <= SHARED else f"{count(cell)} "
    return Text(shown, f"{'bold ' if right else ''}#ffffff on #{red:02x}{green:02x}{blue:02x}")


def _wide(cell: Text, width: int) -> Text:
    cell.pad_left(max(0, width - cell.cell_len))
    return cell
