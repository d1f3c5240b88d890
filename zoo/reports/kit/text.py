"""Public: figures in words, plain lines, and where a report goes. Imports no rich.

Example::

    from zoo.reports.kit.text import percent, print_lines, width_here

    print_lines([f"accuracy {percent(0.9731)}"])
"""

from __future__ import annotations

from zoo.reports.choose import choose_stream, make_observer
from zoo.reports.imported import import_lines
from zoo.reports.lines import Lines
from zoo.reports.lists import print_lines, width_here
from zoo.reports.terminal import is_terminal
from zoo.reports.trends import still_rising
from zoo.reports.trial import tried
from zoo.reports.words import (
    UNKNOWN,
    bar,
    cells,
    clean,
    clock,
    component,
    count,
    duration,
    figure,
    label,
    legible,
    ljust,
    mebibytes,
    number,
    percent,
    short_path,
    value_text,
)

__all__ = [
    "UNKNOWN",
    "Lines",
    "bar",
    "cells",
    "choose_stream",
    "clean",
    "clock",
    "component",
    "count",
    "duration",
    "figure",
    "import_lines",
    "is_terminal",
    "label",
    "legible",
    "ljust",
    "make_observer",
    "mebibytes",
    "number",
    "percent",
    "print_lines",
    "short_path",
    "still_rising",
    "tried",
    "value_text",
    "width_here",
]
