"""The parts of every console report: pages that fit the terminal, harmless text, and tables of one style."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from zoo.reports.error_text import split_commands
from zoo.reports.terminal import unguarded
from zoo.reports.words import clean, legible
from zoo.storage.text import clean_lines

__all__ = [
    "ACCENT",
    "BAD",
    "GOOD",
    "WARN",
    "WIDEST",
    "Advice",
    "CommandLine",
    "Flow",
    "Middle",
    "Page",
    "bare_table",
    "heading",
    "middle",
    "new_console",
    "note",
    "say",
]

WIDEST = 100
"""Maximum width of a report in columns: longer lines are hard to read."""
ACCENT, GOOD, WARN, BAD = "cyan", "green", "yellow", "red"


class _Clean(Console):
    """A console that removes control characters from text of any origin."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else clean_lines(text), style, control)


def new_console(stream: TextIO | None = None, **settings: Any) -> Console:
    """Create a console for a stream, by default stdout."""
    return _Clean(file=unguarded(sys.stdout if stream is None else stream), **settings)


class Page:
    """Renderables one below another, at most ``WIDEST`` columns, in characters that the terminal's encoding has."""

    def __init__(self, *parts: RenderableType, width: int = WIDEST):
        self.parts, self.width = parts, width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        options = options.update(width=min(options.max_width, self.width))
        for segment in console.render(Group(*self.parts), options):
            yield Segment(legible(segment.text, options.encoding, cell_len), segment.style, segment.control)


class Middle:
    """A name or path on one line, shortened in its middle where the room is short."""

    def __init__(self, text: object, style: str = "", least: int = 8):
        self.text, self.style, self.least = clean(text), style, least

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(middle(self.text, options.max_width), self.style, no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        full = cell_len(self.text)
        return Measurement(min(full, self.least), full).with_maximum(options.max_width)


def middle(text: str, width: int) -> str:
    """Shorten ``text`` to at most ``width`` cells by an ellipsis in its middle; the end keeps more than the start."""
    if cell_len(text) <= width:
        return text
    head = max(0, (width - 1) // 3)
    tail = max(0, width - 1 - head)
    end = text
    while cell_len(end) > tail:
        end = end[1:]
    return f"{set_cell_size(text, head).rstrip()}…{end}"


def say(text: object, style: str = "") -> Text:
    """Text of any origin, without interpretation of markup, emoji or escape codes."""
    return Text(clean(text), style)


def heading(title: str, hint: str = "") -> Text:
    """The title of a section, with a dim explanation."""
    line = Text.assemble("\n", (clean(title), f"bold {ACCENT}"))
    return line.append(f"  {clean(hint)}", "dim") if hint else line


def note(text: str, title: str = "notice") -> Panel:
    """A framed text that must not be overlooked."""
    heading = Text(f" {title} ", f"bold {WARN}")
    return Panel(Advice(text, "bold"), title=heading, title_align="left", border_style=WARN)


class CommandLine:
    """A command that can be copied: a long one is broken between words, with the shell's backslash."""

    def __init__(self, text: str):
        self.text = clean(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(" \\\n  ".join(_wrapped(self.text, options.max_width - 4)), "bold", overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(20, cell_len(self.text)), cell_len(self.text)).with_maximum(options.max_width)


def _wrapped(text: str, width: int) -> list[str]:
    """Break a command into lines; an option stays with its value."""
    if cell_len(text) <= width + 4:
        return [text]
    lines: list[str] = []
    for word in text.replace(" --set ", " --set\0").split(" "):
        word = word.replace("\0", " ")
        if lines and cell_len(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


class Advice:
    """Sentences in which each command has a line of its own."""

    def __init__(self, text: object, style: str = ""):
        self.pieces, self.style = split_commands(clean(text)), style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for piece, is_command in self.pieces:
            yield Padding(CommandLine(piece), (0, 0, 0, 2)) if is_command else Text(piece, self.style)


class Flow:
    """Short texts separated by dots; lines are broken at the dots where possible."""

    def __init__(self, texts: Iterable[str], style: str = ""):
        self.texts, self.style = [clean(text) for text in texts], style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines: list[str] = []
        for text in self.texts:
            joined = f"{lines[-1]} · {text}" if lines else text
            if lines and cell_len(joined) <= options.max_width:
                lines[-1] = joined
            else:
                lines.append(text)
        yield Text("\n".join(lines), self.style)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, cell_len(" · ".join(self.texts))).with_maximum(options.max_width)


def bare_table(*columns: str, right: Iterable[int] = (), most: dict[int, int] | None = None) -> Table:
    """A table without lines; ``right`` are the columns of numbers, ``most`` gives maximum widths by column."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", show_header=any(columns))
    numbers = set(right)
    for i, name in enumerate(columns):
        table.add_column(
            Text(name), justify="right" if i in numbers else "left", no_wrap=i in numbers, max_width=(most or {}).get(i)
        )
    return table
