"""Where a regression fails, on a terminal: scores of each value, and the largest errors."""

from __future__ import annotations

from rich.console import RenderableType

from zoo.reports import reading
from zoo.reports.failures import error_text
from zoo.reports.parts import BAD, Middle, bare_table, heading, say
from zoo.reports.words import figure, label, short_path
from zoo.runner.run_result import RunResult

__all__ = ["largest_errors", "value_table"]

ERRORS = 4
VALUES = 20
SCORES = ("mae", "rmse", "r2", "spearman")


def value_table(result: RunResult, split: str) -> list[RenderableType]:
    """A heading and the scores of each value; nothing for a single value, whose scores are in the headline."""
    rows = result.metrics_of(split).per_output
    if len(rows) < 2:
        return []
    table = bare_table("value", *map(label, SCORES), right=range(1, 5), most={0: 28})
    for name, scores in list(rows.items())[:VALUES]:
        table.add_row(Middle(name), *(say(figure(each, getattr(scores, each))) for each in SCORES))
    more = len(rows) - VALUES
    left = [say(f"and {more} more, in result.json", "dim")] if more > 0 else []
    return [heading("Values", reading.on_images(split)), table, *left]


def largest_errors(result: RunResult, split: str) -> list[RenderableType]:
    """A heading and the largest errors; nothing where none are known."""
    mistakes = result.mistakes.get(split, [])[:ERRORS]
    if not mistakes:
        return []
    several = any(each.wrong for each in mistakes)
    heads = ("image", *(["value"] if several else []), "true", "predicted", "error")
    first = len(heads) - 3
    table = bare_table(*heads, right=range(first, first + 3), most={1: 16} if several else {})
    for each in mistakes:
        image = Middle(short_path(reading.image_name(result, each.name)), "dim", 16)
        which = [Middle(str(each.wrong or ""))] if several else []
        error = say(error_text(each.document()), BAD)
        answers = (say(reading.label_names(answer)) for answer in (each.true, each.predicted))
        table.add_row(image, *which, *answers, error)
    hint = "relative to the spread of each value" if several else "predicted minus true"
    return [heading("Largest errors", hint), table]
