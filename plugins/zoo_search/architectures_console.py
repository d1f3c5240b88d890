"""Terminal report of a comparison of architectures: progress bars during training, and a table of all candidates."""

from __future__ import annotations

from typing import Any

from rich.console import Console, RenderableType
from rich.rule import Rule
from rich.text import Text

from zoo.api.running import Observer
from zoo.reports.kit.console import BAD, GOOD, CommandLine, ConsoleWatcher, Middle, Page, bare_table, say
from zoo.reports.kit.text import clean
from zoo_search.architectures import ComparisonWatcher
from zoo_search.architectures_report import (
    Row,
    columns_of,
    heads_of,
    legend,
    protocol_line,
    row_line,
    sorted_rows,
    where,
    without,
)
from zoo_search.sweep_console import Bars

__all__ = ["ConsoleWhich", "render_which"]


class ConsoleWhich(ComparisonWatcher):
    """Reports a comparison on a terminal.

    Args:
        console: output console.
    """

    def __init__(self, console: Console):
        self.console = console
        self._members = ConsoleWatcher(console)

    def began(self, found: Row) -> None:
        self._print(say(protocol_line(found), "bold"))

    def candidate(self, name: str, number: int, count: int) -> Observer:
        self._print(say(f"{number}/{count} {name}: timing", "dim"))
        return Bars(self._members.member(name, number, count))

    def told(self, row: Row, found: Row) -> None:
        self._print(say(row_line(row), GOOD if row["status"] == "measured" else BAD))

    def _print(self, *parts: Any) -> None:
        self.console.print(Page(*parts))


def render_which(found: Row) -> RenderableType:
    """Render a comparison's document for the terminal."""
    table = bare_table(*heads_of(found), right=(2, 3, 4, 5, 6, 7))
    for row in sorted_rows(found):
        mark, name, *cells = columns_of(row)
        style = f"bold {GOOD}" if row["pareto"] else ""
        table.add_row(say(mark, style), Middle(name, style), *(say(cell, style) for cell in cells))
    *lines, last = where(found)
    parts: list[RenderableType] = [Rule(Text(clean(found["name"]), "bold"), style="dim", align="left"), table]
    parts += [say(line, "dim") for line in legend(found)] + [say(line, BAD) for line in without(found)]
    return Page(*parts, *(say(line) for line in lines), CommandLine(last))
