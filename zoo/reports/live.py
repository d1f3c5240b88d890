"""The live display of the console report: progress bars at the bottom, redrawn several times per second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from zoo.reports.pace import Pace
from zoo.reports.parts import ACCENT, GOOD, Page, say
from zoo.reports.words import clock as time_of
from zoo.reports.words import count, number
from zoo.runner.main_metric import ACCURACY, MainMetric
from zoo.runner.observer import RunningTotals

__all__ = ["LiveDisplay"]

READ_EVERY_S = 0.25
"""Minimum seconds between two readings of the totals: each synchronises the device."""
REDRAWS_PER_SECOND = 8


class LiveDisplay:
    """The current activity of a run: the clock and the totals are read in the runner's thread, and drawn in rich's."""

    def __init__(self, console: Console, clock: Callable[[], float]):
        self._clock, self._console = clock, console
        self._live: Live | None = None
        self._read = -READ_EVERY_S
        self._what, self._done, self._total, self._since = "", 0, 0, 0.0
        self._waiting: Spinner | None = None
        self._spinner = Spinner("dots", text=Text("evaluating", "dim"))
        self._loss: float | None = None
        self._score: float | None = None
        self.metric: MainMetric = ACCURACY
        self.best: tuple[int, float] | None = None
        self.pace = Pace(clock)

    def start(self) -> None:
        """Show the display, unless it is shown already."""
        if self._live is None and not self._console.record:  # in a recording, every frame would stay
            self._live = Live(
                get_renderable=self.render,
                console=self._console,
                refresh_per_second=REDRAWS_PER_SECOND,
                transient=True,
            )
            self._live.start()

    def stop(self) -> None:
        """Remove the display without a trace."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def wait(self, what: str) -> None:
        """Show an activity of unknown length."""
        self._waiting = Spinner("dots", text=Text(what, "dim"))
        self.start()

    def prepare(self, what: str, done: int, total: int) -> None:
        """Show the progress of a preparation."""
        if what != self._what:
            self._since = self._clock()
        self._what, self._done, self._total, self._waiting = what, done, total, None

    def train(self, epoch: int, epochs: int, images: int) -> None:
        """Show a new epoch."""
        self._what, self._waiting, self._loss, self._score = "", None, None, None
        self.pace.begin(epoch, epochs, images)

    def step(self, seen: int, totals: RunningTotals) -> None:
        """Show a step; the totals are read at most every ``READ_EVERY_S`` seconds."""
        self.pace.seen = seen
        now = self._clock()
        if now - self._read >= READ_EVERY_S:
            self._read = now
            self._loss = totals.loss
            self._score = totals.accuracy if self.metric.is_share else totals.score[1]

    def render(self) -> RenderableType:
        """Render the current state."""
        if self._waiting:
            return Page(self._waiting)
        if self._what:
            return Page(self._preparation())
        return Page(Group(self._epoch(), self._run())) if self.pace.epochs else Text()

    def _preparation(self) -> RenderableType:
        left = (self._clock() - self._since) * (self._total - self._done) / self._done if self._done else None
        figures = say(f"{count(self._done)}/{count(self._total)}  {_left(left)}")
        return _line(Text(self._what, ACCENT), _bar(self._done / max(1, self._total)), figures)

    def _epoch(self) -> RenderableType:
        pace = self.pace
        label = say(f"epoch {pace.epoch}/{pace.epochs}".rjust(9), f"bold {ACCENT}")
        if pace.share >= 1:
            return _line(label, _bar(1.0), self._spinner)
        rate = pace.images_per_second()
        words = f"loss {number(self._loss):<7} {self.metric.short} {self.metric.text(self._score):>6}"
        return _line(label, _bar(pace.share), say(f"{words}  {'–' if rate is None else f'{rate:,.0f}':>6} img/s"))

    def _run(self) -> RenderableType:
        best = "" if self.best is None else f"best {self.metric.text(self.best[1])} in epoch {self.best[0]}"
        figures = Text.assemble((best, GOOD), "  " if best else "", _left(self.pace.left_s()))
        return _line(say("run", "dim"), _bar(self.pace.run_share, "dim"), figures)


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{time_of(seconds)} left"


def _bar(share: float, style: str = ACCENT) -> ProgressBar:
    return ProgressBar(total=1.0, completed=share, complete_style=style, finished_style=style, width=None)


def _line(label: Text, bar: ProgressBar, figures: Any) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(width=max(14, label.cell_len) if label.cell_len < 30 else 30, no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(width=37, no_wrap=True)
    grid.add_row(label, bar, figures)
    return grid
