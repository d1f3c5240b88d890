"""Conformal sets and intervals on the terminal: the rate at which they contain the truth."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from zoo.reports.parts import GOOD, WARN, Middle, bare_table, heading, say
from zoo.reports.reading import on_images
from zoo.reports.words import count, percent
from zoo.runner.measurements import Coverage, CoverageScores
from zoo.runner.run_result import RunResult

__all__ = ["coverage_parts"]

CLASSES = 20


def coverage_parts(result: RunResult) -> Iterator[RenderableType]:
    """Heading, table and remarks for each split with sets of classes; nothing where none was asked for."""
    for split, metrics in result.metrics.items():
        if (found := metrics.conformal) is not None:
            title, words = ("Sets of classes", _sets(found)) if found.width is None else ("Intervals", _widths(found))
            yield heading(title, f"{on_images(split)}, {found.how}")
            yield _table(found)
            yield say(words, "dim")
            yield _judgement(found)


def _sets(found: CoverageScores) -> str:
    return f"a set has {found.size or 0:.2f} classes on average; {percent(found.single)} have one"


def _widths(found: CoverageScores) -> str:
    return f"an interval is {found.width:.4g} wide on average"


def _table(found: CoverageScores) -> RenderableType:
    inside = "true class in the set" if found.width is None else "value in the interval"
    table = bare_table("", "images", inside, "95% interval", right=range(1, 4), most={0: 28})
    table.add_row(say("all", "bold"), *_cells(found, "bold"))
    rows = list(found.per_class.items()) if found.width is None or len(found.per_class) > 1 else []
    for name, each in rows[:CLASSES]:
        table.add_row(Middle(name), *_cells(each))
    if len(found.per_class) > CLASSES:
        table.add_row(say(f"and {len(found.per_class) - CLASSES} more, with --json", "dim"))
    return table


def _cells(each: Coverage, style: str = "") -> list[RenderableType]:
    low, high = each.interval
    interval = f"{100 * low:.1f}–{percent(high)}"
    return [say(count(each.images)), say(percent(each.covered), f"{style} {GOOD}".strip()), say(interval, "dim")]


def _judgement(found: CoverageScores) -> RenderableType:
    promised = percent(found.promised)
    if found.interval[1] < found.promised:
        return say(f"Below the promised {promised}: these images differ from the calibration images.", WARN)
    each = "class" if found.width is None else "value"
    return say(f"The promised {promised} is kept. It holds over all images, not for each {each}.", "dim")
