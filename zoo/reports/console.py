"""The report of a run on a terminal: what will run, its progress, and its result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.text import Text

from zoo.reports.epochs import epoch_header, epoch_line
from zoo.reports.estimate import correction_line, estimate_line
from zoo.reports.live import LiveDisplay
from zoo.reports.opening import opening_panel
from zoo.reports.parts import BAD, GOOD, Advice, Page, note, say
from zoo.reports.results import render_result
from zoo.reports.words import count, duration, short_path
from zoo.runner.main_metric import main_metric
from zoo.runner.measurements import EpochRecord
from zoo.runner.observer import Observer, RunningTotals
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult

__all__ = ["ConsoleObserver"]

WORTH_SAYING_S = 1.0
"""Duration above which a finished preparation leaves a line."""


class ConsoleObserver(Observer):
    """Report a run on a terminal, with moving bars; ``close`` removes them in any case.

    Args:
        clock: monotonic seconds.
        verbose: report intervals of all metrics and the calibration, too.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic, *, verbose: bool = False):
        self.console, self._clock, self._verbose = console, clock, verbose
        self._live = LiveDisplay(console, clock)
        self._preparing: tuple[str, float] | None = None
        self._told: list[str] = []
        self._epochs = self._finished = 0
        self._estimated: Run | None = None

    def loading(self) -> None:
        self._live.wait("preparing data and model …" if "torch" in sys.modules else "loading PyTorch …")

    def preparing(self, what: str, done: int, total: int) -> None:
        if self._preparing is None or self._preparing[0] != what:
            self._preparing = (what, self._clock())
        self._live.prepare(what, done, total)
        if done < total:
            self._live.start()
            return
        self._live.stop()
        took = self._clock() - self._preparing[1]
        if took >= WORTH_SAYING_S:
            self._print(Text.assemble(("✓ ", GOOD), f"{what}: {count(total)} in {duration(took)}"))

    def started(self, run: Run) -> None:
        self._live.stop()
        self._live.metric = main_metric(run.task)
        if self._estimated is run:
            return  # shown with the question whether to begin
        self._print(opening_panel(run))
        self._estimated = run
        if line := estimate_line(run):
            self._print(say(line, "bold"))
        for hint in run.hints:
            self._print(Advice(hint, "dim"))
        for text in run.notices:
            self.notice(text)

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        if not self._epochs:
            self._print(Text(), epoch_header(self._live.metric))
        self._epochs = epochs
        self._live.train(epoch, epochs, images)
        self._live.start()

    def step(self, seen: int, totals: RunningTotals) -> None:
        self._live.step(seen, totals)

    def epoch_ended(self, record: EpochRecord) -> None:
        self._take_down(record)
        self._print(epoch_line(record, self._epochs))
        if self._estimated and (line := correction_line(self._estimated, record)):
            self._print(say(line, "bold"))
        self._estimated = None

    def _take_down(self, record: EpochRecord) -> None:
        """Update the live display at the end of an epoch."""
        self._live.pace.end()
        self._finished = record.epoch
        score = self._live.metric.value(record.val)
        if record.best and score is not None:
            self._live.best = (self._finished, score)

    def notice(self, text: str) -> None:
        if text not in self._told:
            self._told.append(text)
            self._print(note(text))

    def ended(self, run: Run, result: RunResult) -> None:
        del run  # the result contains it
        self._live.stop()
        self.console.print()
        self.console.print(render_result(result, self._told, live=True, verbose=self._verbose))

    def failed(self, run: Run | None, error: BaseException) -> None:
        self._live.stop()
        if run is None or isinstance(error, KeyboardInterrupt):
            return  # the error is printed next
        after = f" after {self._finished} of {self._epochs} epochs" if self._epochs else ""
        self._print(say(f"Failed{after} · {short_path(run.dir)}", f"bold {BAD}"))

    def close(self) -> None:
        self._live.stop()

    def _print(self, *parts: Any) -> None:
        self.console.print(Page(*parts))
