"""Public: tables, headings and colours of a report on a terminal, by rich.

Example::

    from zoo.reports.kit.console import bare_table, new_console, say

    table = bare_table("class", "recall", right=(1,))
    table.add_row("cat", say("97.3%"))
    new_console().print(table)
"""

from __future__ import annotations

from zoo.reports.parts import (
    ACCENT,
    BAD,
    GOOD,
    WARN,
    CommandLine,
    Middle,
    Page,
    bare_table,
    heading,
    new_console,
    note,
    say,
)
from zoo.reports.repeats_console import ConsoleWatcher

__all__ = [
    "ACCENT",
    "BAD",
    "GOOD",
    "WARN",
    "CommandLine",
    "ConsoleWatcher",
    "Middle",
    "Page",
    "bare_table",
    "heading",
    "new_console",
    "note",
    "say",
]
