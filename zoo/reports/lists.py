"""What there is, as text: components and plugins. Without rich, which takes 50 ms to import: lists are waited for."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import click

from zoo.reports.words import UNKNOWN, cells, clean, count, ljust

__all__ = ["architecture_lines", "component_lines", "plugin_lines", "plural", "print_lines", "provided"]

Row = Mapping[str, Any]
ID_WIDTH = 30
"""Names up to this long line up across kinds."""
_FACTS_WIDTH = 43
"""Width of the columns of an architecture beside its name."""
_COLOURS = {"enabled": "green", "failed": "red"}


def print_lines(lines: Iterator[str]) -> None:
    """Print, in colour on a terminal that wants it."""
    click.echo("\n".join(lines), color=False if os.environ.get("NO_COLOR") else None)


def width_here() -> int:
    """Columns of the terminal, at most 100: longer lines are hard to read."""
    return min(shutil.get_terminal_size().columns, 100)


def plural(kind: str) -> str:
    """``loss`` -> ``losses``."""
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def component_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Components by kind: ``kind``, ``id``, ``summary`` and, of those for certain tasks, ``tasks``, each.

    Long names are not cut: the summary goes below them. A summary that several components in a row share is printed
    once.
    """
    room = max([cells(name) for name in map(_id, rows) if cells(name) <= ID_WIDTH], default=0) + 2
    for kind, found in groupby(rows, key=lambda row: str(row.get("kind", ""))):
        members = list(found)
        yield ""
        yield f"{click.style(plural(kind).capitalize(), bold=True, fg='cyan')}  {count(len(members))}"
        before = ""
        for row in members:
            summary = clean(row.get("summary") or "")
            summary += f" ({', '.join(map(clean, row['tasks']))})" if row.get("tasks") else ""
            yield from _component(_id(row), "" if summary == before else summary, room, width)
            before = summary


def architecture_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    """A table of architectures: ``id``, ``num_parameters``, ``input_size``, ``top1`` and ``license``, each.

    Long names are not cut: the other columns go below them.
    """
    room = min(max(cells(_id(row)) for row in rows), max(ID_WIDTH, width - _FACTS_WIDTH)) + 1
    yield click.style(f"{'architecture':<{room}}{'params':>8}  {'px':>4}  {'top-1':>6}  license", bold=True)
    for row in rows:
        name, facts = _id(row), _architecture_facts(row)
        if cells(name) >= room:
            yield click.style(name, bold=True)
            name = ""
        yield (click.style(ljust(name, room), bold=True) + facts).rstrip()


def _architecture_facts(row: Row) -> str:
    number, top1, size = row.get("num_parameters"), row.get("top1"), row.get("input_size")
    millions = UNKNOWN if number is None else f"{number / 1e6:,.1f} M"
    accuracy = UNKNOWN if top1 is None else f"{100 * top1:.1f}%"
    return f"{millions:>8}  {size or UNKNOWN:>4}  {accuracy:>6}  {clean(row.get('license') or UNKNOWN)}"


def _component(name: str, summary: str, room: int, width: int) -> Iterator[str]:
    lines = textwrap.wrap(summary, max(20, width - room))
    if cells(name) > room - 2 or not lines:
        yield click.style(name, bold=True)
    else:
        yield click.style(ljust(name, room), bold=True) + lines.pop(0)
    yield from (" " * room + line for line in lines)


def _id(row: Row) -> str:
    return clean(row.get("id") or row.get("name") or UNKNOWN)


def plugin_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Plugins: ``name``, ``distribution``, ``version``, ``state``, ``provides``, ``extends``, ``problem``."""
    table = [("plugin", "from", "state", "provides"), *map(_plugin_cells, rows)]
    widths = [max(cells(line[i]) for line in table) + 2 for i in range(3)]
    for line in table:
        aligned = [ljust(cell, room) for cell, room in zip(line, widths, strict=False)]
        aligned[2] = click.style(aligned[2], fg=_COLOURS.get(line[2]))
        first, *more = _wrapped(line[3], max(20, width - sum(widths)))
        yield ("".join(aligned) + first).rstrip()
        yield from (" " * sum(widths) + rest for rest in more)
    for row in rows:
        if row.get("problem"):
            yield ""
            yield from textwrap.wrap(f"{clean(row.get('name'))}: {clean(row['problem'])}", width)
    if any(row.get("state") == "failed" for row in rows):
        yield ""
        yield "For details: zoo plugins doctor"


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap a list such as ``5 losses, 1 kind`` after its commas."""
    whole = text.replace(", ", ",\n").replace(" ", "\u00a0").replace("\n", " ")
    return [line.replace("\u00a0", " ") for line in textwrap.wrap(whole, width)] or [""]


def _plugin_cells(row: Row) -> tuple[str, str, str, str]:
    origin = " ".join(clean(row[key]) for key in ("distribution", "version") if row.get(key))
    return clean(row.get("name")), origin, clean(row.get("state") or UNKNOWN), provided(row)


def provided(row: Row) -> str:
    """What a plugin provides, such as ``5 losses, 1 kind, settings``; empty for nothing.

    Args:
        row: ``provides``, the number of components by kind, and ``extends``, the number of everything else by name.
    """
    numbers = [*(row.get("provides") or {}).items(), *(row.get("extends") or {}).items()]
    # The settings of a plugin are one thing, whatever the number of their fields.
    return ", ".join("settings" if name == "setting" else _number(n, name) for name, n in numbers)


def _number(number: int, name: str) -> str:
    return f"{count(number)} {clean(name if number == 1 else plural(name))}"
