"""Progress of many images on stderr: a bar at a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from zoo.reports.kit.console import new_console
from zoo.reports.kit.text import duration

__all__ = ["Rate", "progress_of_many"]

EVERY_S = 30.0
"""Seconds between two lines."""


class Rate:
    """Images per second since the start, and the time left.

    Args:
        done: number of images of earlier processes.
        total: number of all images; None while it is unknown.
        now: the clock.
    """

    def __init__(self, done: int, total: int | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.begun, self.done, self.total = done, done, total
        self._now, self._start = now, now()

    def add(self, count: int) -> None:
        """Count images."""
        self.done += count

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return self._now() - self._start

    @property
    def per_second(self) -> float:
        """Images per second of this process."""
        return (self.done - self.begun) / max(self.seconds, 1e-9)

    @property
    def left_s(self) -> float | None:
        """Seconds left; None while the total or the rate is unknown."""
        if self.total is None or self.done == self.begun:
            return None
        return max(self.total - self.done, 0) / self.per_second

    def __str__(self) -> str:
        of = "" if self.total is None else f" of {self.total:,}"
        left = "" if self.left_s is None else f", {duration(self.left_s)} left"
        rate = f"{self.per_second:,.0f}" if self.per_second >= 10 else f"{self.per_second:.1f}"
        return f"{self.done:,}{of} images, {rate} images/s{left}"


@contextmanager
def progress_of_many(rate: Rate, count: Callable[[], int] | None) -> Iterator[Callable[[int], None]]:
    """Show the progress.

    Args:
        rate: receives the counts.
        count: counts all images, in a thread; None where that would take long.

    Returns:
        A function to call with the number of images of each batch.
    """
    if count is not None:
        threading.Thread(target=lambda: setattr(rate, "total", count()), name="zoo-count", daemon=True).start()
    with (_bar if new_console(sys.stderr).is_terminal else _lines)(rate) as advance:
        yield advance


@contextmanager
def _bar(rate: Rate) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("predicting"), BarColumn(20), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, console=new_console(sys.stderr), transient=True) as bars:
        task = bars.add_task("", total=rate.total, rate=str(rate))

        def advance(number: int) -> None:
            rate.add(number)
            bars.update(task, completed=rate.done, total=rate.total, rate=str(rate))

        yield advance


@contextmanager
def _lines(rate: Rate) -> Iterator[Callable[[int], None]]:
    last = rate.seconds

    def advance(number: int) -> None:
        nonlocal last
        rate.add(number)
        if rate.seconds - last >= EVERY_S:
            last = rate.seconds
            click.echo(str(rate), err=True)

    yield advance
