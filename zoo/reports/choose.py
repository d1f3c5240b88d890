"""Choose between the report for a terminal, with rich, and plain lines for everything else, without it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from zoo.errors import RequestError
from zoo.reports.estimate import LONG_S, about
from zoo.reports.plain import PlainObserver
from zoo.reports.terminal import is_terminal
from zoo.runner.observer import Observer
from zoo.runner.record import Run

if TYPE_CHECKING:
    from zoo.runner.repeats import RepeatsWatcher

__all__ = [
    "asked_at_a_terminal",
    "choose_stream",
    "is_terminal",
    "make_confirm",
    "make_observer",
    "make_watcher",
]


def make_observer(
    quiet: bool = False,
    json: bool = False,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    *,
    verbose: bool = False,
) -> Observer:
    """Create the observer for ``zoo run`` and ``zoo train``.

    Args:
        quiet: print the final line only.
        json: reserve stdout for the result document; plain lines go to stderr.
        stdout, stderr: by default those of the process.
        verbose: report intervals of all metrics and the calibration as well.
    """
    stream, plain = choose_stream(quiet, json, stdout, stderr)
    if plain:
        return PlainObserver(stream, quiet, verbose)
    from zoo.reports.console import ConsoleObserver
    from zoo.reports.parts import new_console

    return ConsoleObserver(new_console(stream), verbose=verbose)


def make_confirm(observer: Observer, yes: bool) -> Callable[[Run], None]:
    """Create the check before a long training: it asks on a terminal, and gives a notice elsewhere.

    Args:
        yes: do neither.
    """

    def confirm(run: Run) -> None:
        if yes or run.estimate_s is None or run.estimate_s < LONG_S:
            return
        long = f"Training will take about {about(run.estimate_s)} on this machine."
        if not asked_at_a_terminal():
            observer.notice(f"{long} --budget 30m limits it to half an hour.")
            return
        import click

        observer.close()  # no moving display during the question
        if not isinstance(observer, PlainObserver):
            observer.started(run)  # the question is about what this shows
        try:
            begin = click.confirm(f"{long} Begin?", default=True)
        except click.Abort:
            raise KeyboardInterrupt from None
        if not begin:
            raise RequestError("Training was not started. To limit the time: --budget 30m")

    return confirm


def asked_at_a_terminal() -> bool:
    """Check whether a question can be asked and answered on a terminal."""
    return is_terminal(sys.stdout) and sys.stdin is not None and sys.stdin.isatty()


def choose_stream(
    quiet: bool = False, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> tuple[TextIO, bool]:
    """Choose the stream of a report, and whether it gets plain lines; arguments as in :func:`make_observer`."""
    stdout, stderr = stdout or sys.stdout, stderr or sys.stderr
    return (stderr, True) if json else (stdout, quiet or not is_terminal(stdout))


def make_watcher(
    quiet: bool = False, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> RepeatsWatcher:
    """Create the watcher for ``zoo run --seeds`` and ``--folds``; arguments as in :func:`make_observer`."""
    stream, plain = choose_stream(quiet, json, stdout, stderr)
    if plain:
        from zoo.reports.repeats import PlainWatcher

        return PlainWatcher(stream, quiet=quiet)
    from zoo.reports.parts import new_console
    from zoo.reports.repeats_console import ConsoleWatcher

    return ConsoleWatcher(new_console(stream))
