"""Which report suits: a terminal gets the console's, everything else plain lines. Rich is for the first alone."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from zoo.reports.plain import PlainObserver
from zoo.runner.observer import Observer

__all__ = ["choose_stream", "is_terminal", "make_observer"]


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
    from rich.console import Console

    from zoo.reports.console import ConsoleObserver

    return ConsoleObserver(Console(file=stream))


def choose_stream(
    quiet: bool = False, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> tuple[TextIO, bool]:
    """Where a report goes, and whether in plain lines; arguments as :func:`make_observer` has them."""
    stdout, stderr = stdout or sys.stdout, stderr or sys.stderr
    return (stderr, True) if json else (stdout, quiet or not is_terminal(stdout))


def is_terminal(stream: TextIO) -> bool:
    """Whether a cursor can be moved about in ``stream``."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
