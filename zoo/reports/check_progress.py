"""Progress of a plugin's checks on a terminal: their number, and the check that runs now."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from zoo.reports.checks import CheckProgress
from zoo.reports.parts import ACCENT, BAD, new_console
from zoo.reports.words import clean
from zoo.testing import Check, Outcome

__all__ = ["TerminalProgress"]


class TerminalProgress(CheckProgress):
    """A bar with the number of finished checks, the failed ones, and the running check; removed at the end.

    Args:
        total: number of checks.
        console: console to draw on; by default that of stderr.
    """

    def __init__(self, total: int, console: Console | None = None):
        self._failed = 0
        self._bar = Progress(
            MofNCompleteColumn(),
            BarColumn(bar_width=20, complete_style=ACCENT, finished_style=ACCENT),
            TextColumn("{task.fields[failed]}", style=BAD),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console or new_console(sys.stderr),
            transient=True,
        )
        self._task = self._bar.add_task("", total=total, failed="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, check: Check) -> None:
        self._bar.update(self._task, description=clean(f"{check.kind} {check.component}: {check.name}"))

    def tell(self, outcome: Outcome) -> None:
        self._failed += outcome.outcome == "failed"
        self._bar.update(self._task, advance=1, failed=f"{self._failed} failed" if self._failed else "")
