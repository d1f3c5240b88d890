"""Where a model fails, on a terminal: scores by class, confusion, and the worst mistakes."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from zoo.reports import reading
from zoo.reports.parts import ACCENT, BAD, Middle, bare_table, heading, middle, say
from zoo.reports.reading import ClassRow
from zoo.reports.value_tables import largest_errors, value_table
from zoo.reports.words import bar, clean, count, percent, short_path
from zoo.runner.measurements import Mistake
from zoo.runner.run_result import RunResult

__all__ = ["mistakes_of"]

WORST_CLASSES = 10
MISTAKES = 4
PAIRS = 5
SHARED, SHARE = 4, 7
"""Up to SHARED classes, a cell also has its share of the row, in SHARE characters."""
CELLS = 66
"""Columns for all cells together, of 80: about 12 classes; the rest is for the names of the rows."""
NAME = 16
"""Columns of a class name above which scores and confusion don't share one table."""
HINT = "rows: true class, columns: predicted class"
# Shades from the background to the full colour, for right and for wrong cells; white text is legible on all of them.
_GROUND, _RIGHT, _WRONG = (38, 42, 48), (22, 120, 62), (176, 42, 42)


def mistakes_of(result: RunResult, split: str) -> list[RenderableType]:
    """Tables of the classes, of the confusion and of the worst mistakes, as far as the result has them.

    Of a regression, tables of the values and of the largest errors.
    """
    if result.has_values:
        return [*value_table(result, split), *largest_errors(result, split)]
    classes = _side_by_side(result, split) or [*_classes(result, split), *_confusion(result, split)]
    return [*classes, *_worst_mistakes(result, split)]


def _classes(result: RunResult, split: str) -> list[RenderableType]:
    everything = reading.per_class(result, split)
    rows = reading.per_class(result, split, WORST_CLASSES if len(everything) > WORST_CLASSES + 2 else None)
    if not rows:
        return []
    some = len(rows) < len(everything)
    hint = f"the {len(rows)} worst of {len(everything)} by F1, " if some else ""
    left = f"… {count(len(everything) - len(rows))} more, with F1 {percent(rows[-1].scores.f1)} or higher"
    return [heading("Classes", hint + reading.on_images(split)), _class_table(rows), *([say(left, "dim")] * some)]


def _class_table(rows: list[ClassRow]) -> Table:
    table = bare_table(
        "class", "precision", "recall", "F1", "images", "trained on", "", right=range(1, 6), most={0: 28}
    )
    for row in rows:
        table.add_row(Middle(row.name), *_class_cells(row), Text(bar(row.scores.f1, 14), ACCENT))
    return table


def _worst_mistakes(result: RunResult, split: str) -> list[RenderableType]:
    mistakes = result.mistakes.get(split, [])
    if not mistakes:
        return []
    table = bare_table("image", "true", "predicted", "confidence", right=(3,), most={1: 16, 2: 16})
    for mistake in mistakes[:MISTAKES]:
        table.add_row(*_mistake_row(mistake, reading.image_name(result, mistake.name)))
    return [heading("Worst mistakes", "highest confidence first"), table]


def _mistake_row(mistake: Mistake, name: str) -> list[RenderableType]:
    true, predicted = (reading.label_names(label) for label in (mistake.true, mistake.predicted))
    confidence = say(percent(mistake.confidence))
    return [Middle(short_path(name), "dim", 16), Middle(true), Middle(predicted, BAD), confidence]


def _confusion(result: RunResult, split: str) -> list[RenderableType]:
    """A heading and the matrix, or the most confused pairs; nothing where there is no matrix."""
    matrix = reading.confusion_of(result, split)
    classes = [clean(name) for name in result.classes]
    if not matrix or len(classes) != len(matrix):
        return []
    width = _cell_width(matrix)
    if len(classes) * (width + 1) <= CELLS:
        table = _matrix(matrix, classes, width)
        return [heading("Confusion", HINT), table]
    pairs = reading.confused_pairs(matrix, classes, PAIRS)
    return [heading("Most frequent confusions", f"of {len(classes)} classes"), _pairs_table(pairs)] if pairs else []


def _side_by_side(result: RunResult, split: str) -> list[RenderableType]:
    """A heading and one table of scores and confusion, where two classes with short names leave room for both."""
    matrix, rows = reading.confusion_of(result, split), reading.per_class(result, split)
    names = [clean(row.name) for row in rows]
    if len(matrix) != 2 or names != [clean(name) for name in result.classes] or max(map(cell_len, names)) > NAME:
        return []
    table = bare_table("", *names, "precision", "recall", "F1", "images", "trained on", right=range(1, 8))
    for i, (row, counts) in enumerate(zip(rows, matrix, strict=True)):
        cells = (_cell(cell, sum(counts), i == j, share=False) for j, cell in enumerate(counts))
        table.add_row(Middle(row.name), *cells, *_class_cells(row))
    return [heading("Classes", f"{reading.on_images(split)}; {HINT}"), table]


def _class_cells(row: ClassRow) -> list[Text]:
    """Cells with the scores of a class, and its numbers of images."""
    scores = [say(percent(score)) for score in (row.scores.precision, row.scores.recall, row.scores.f1)]
    return [*scores, *(say(count(images), "dim") for images in (row.scores.support, row.trained))]


def _pairs_table(pairs: list[tuple[str, str, int, float]]) -> Table:
    """The most frequent errors, the most frequent first."""
    table = bare_table("true", "predicted", "images", "of true class", right=(2, 3), most={0: 28, 1: 28})
    for true, predicted, images, share in pairs:
        table.add_row(Middle(true), Middle(predicted, BAD), count(images), percent(share))
    return table


def _cell_width(matrix: list[list[int]]) -> int:
    digits = max(len(count(cell)) for row in matrix for cell in row)
    return digits + (SHARE if len(matrix) <= SHARED else 0) + 2


def _matrix(matrix: list[list[int]], classes: list[str], width: int) -> Table:
    # Names over the columns while they are short and distinct, else numbers, which the rows explain.
    heads = [middle(name, width) for name in classes]
    named = len(set(heads)) == len(heads) and all(cell_len(name) <= max(width, 8) for name in classes)
    heads = heads if named else [str(i) for i in range(1, len(classes) + 1)]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", max_width=max(12, 78 - len(heads) * (width + 1)))
    for head in heads:
        table.add_column(Text(f"{head} " if cell_len(head) < width else head), justify="right", width=width)
    for i, row in enumerate(matrix):
        cells = (_cell(cell, sum(row), i == j, share=len(row) <= SHARED) for j, cell in enumerate(row))
        table.add_row(Middle(classes[i] if named else f"{heads[i]} {classes[i]}"), *(_wide(c, width) for c in cells))
    return table


def _cell(cell: int, total: int, right: bool, *, share: bool) -> Text:
    if not cell and not right:
        return Text("· ", "dim")
    part = cell / total if total else 0.0
    # A wrong cell has its full colour from a quarter of its class on: errors are small shares, and matter.
    weight, colour = (part, _RIGHT) if right else (min(1.0, 4 * part), _WRONG)
    red, green, blue = (round(a + (b - a) * weight) for a, b in zip(_GROUND, colour, strict=True))
    shown = f" {count(cell)} {percent(part):>{SHARE - 1}} " if share else f" {count(cell)} "
    return Text(shown, f"{'bold ' if right else ''}#ffffff on #{red:02x}{green:02x}{blue:02x}")


def _wide(cell: Text, width: int) -> Text:
    cell.pad_left(max(0, width - cell.cell_len))
    return cell
