"""Where a model fails, on a terminal: scores by class, confusion, and the worst mistakes."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from zoo.reports import reading
from zoo.reports.confusion import class_cells, confusion, side_by_side
from zoo.reports.parts import ACCENT, BAD, Middle, bare_table, heading, say
from zoo.reports.reading import ClassRow
from zoo.reports.words import bar, count, percent, short_path
from zoo.runner.measurements import Mistake
from zoo.runner.run_result import RunResult

__all__ = ["mistakes_of"]

WORST_CLASSES = 10
MISTAKES = 4


def mistakes_of(result: RunResult, split: str) -> list[RenderableType]:
    """Tables of the classes, of the confusion and of the worst mistakes, as far as the result has them."""
    classes = side_by_side(result, split) or [*_classes(result, split), *confusion(result, split)]
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
        table.add_row(Middle(row.name), *class_cells(row), Text(bar(row.scores.f1, 14), ACCENT))
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
