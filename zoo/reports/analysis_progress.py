"""Progress of the analyses of ``zoo evaluate``: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from zoo.reports.terminal import is_terminal
from zoo.reports.words import clean

__all__ = ["analysis_progress"]


@contextlib.contextmanager
def analysis_progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """Yield a function of what is being computed, and of how many steps are done and planned; the bar is on stderr."""
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from zoo.reports.parts import ACCENT, new_console

    bar = Progress(
        MofNCompleteColumn(),
        BarColumn(bar_width=20, complete_style=ACCENT),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.description}", markup=False),
        console=new_console(sys.stderr),
        transient=True,
    )
    task = bar.add_task("", total=None, visible=False)

    def told(what: str, done: int, total: int) -> None:
        bar.update(task, description=clean(what), completed=done, total=total, visible=True)

    with bar:
        yield told
