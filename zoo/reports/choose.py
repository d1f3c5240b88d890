"""Which report suits: a terminal gets the console's, everything else plain lines. Rich is for the first alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from zoo.errors import RequestError
from zoo.reports.estimate import LONG_S, about
from zoo.reports.plain import PlainObserver
from zoo.runner.observer import Observer
from zoo.runner.record import Run

if TYPE_CHECKING:
    from zoo.runner.repeats import RepeatsWatcher

__all__ = ["asked_at_a_terminal", "choose_stream", "is_terminal", "make_confirm", "make_observer"]


def make_observer(
    quiet: bool = False, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> Observer:
    """The observer for ``zoo run`` and ``zoo train``.

    Args:
        quiet: only the final line.
        json: stdout is for the result document alone; plain lines go to stderr.
        stdout, stderr: the process's own where not given.
    """
    stream, plain = choose_stream(quiet, json, stdout, stderr)
    if plain:
        return PlainObserver(stream, quiet=quiet)
    from zoo.reports.console import ConsoleObserver
    from zoo.reports.parts import new_console

    return ConsoleObserver(new_console(stream))


def make_confirm(observer: Observer, yes: bool) -> Callable[[Run], None]:
    """What ``zoo run`` does before a long training: ask on a terminal, and print a notice elsewhere.

    Args:
        yes: neither.
    """

    def confirm(run: Run) -> None:
        if yes or run.estimate_s is None or run.estimate_s < LONG_S:
            return
        long = f"Training will take about {about(run.estimate_s)} on this machine."
        if not asked_at_a_terminal():
            observer.notice(f"{long} --budget 30m limits it to half an hour.")
            return
        import click

        observer.close()  # no display that moves while somebody types
        try:
            begin = click.confirm(f"{long} Begin?", default=True)
        except click.Abort:
            raise KeyboardInterrupt from None
        if not begin:
            raise RequestError("Training was not started. To limit the time: --budget 30m")

    return confirm


def asked_at_a_terminal() -> bool:
    """Whether somebody sits there who can answer."""
    return is_terminal(sys.stdout) and sys.stdin is not None and sys.stdin.isatty()


def choose_stream(
    quiet: bool = False, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> tuple[TextIO, bool]:
    """Where a report goes, and whether in plain lines; arguments as :func:`make_observer` has them."""
    stdout, stderr = stdout or sys.stdout, stderr or sys.stderr
    return (stderr, True) if json else (stdout, quiet or not is_terminal(stdout))


def is_terminal(stream: TextIO) -> bool:
    """Whether a cursor can be moved about in ``stream``."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def make_watcher(
    quiet: bool = False, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> RepeatsWatcher:
    """The watcher for ``zoo run --seeds`` and ``--folds``: as :func:`make_observer`."""
    stream, plain = choose_stream(quiet, json, stdout, stderr)
    if plain:
        from zoo.reports.repeats import PlainWatcher

        return PlainWatcher(stream, quiet=quiet)
    from zoo.reports.parts import new_console
    from zoo.reports.repeats_console import ConsoleWatcher

    return ConsoleWatcher(new_console(stream))
