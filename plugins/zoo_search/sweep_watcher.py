"""Choose how a sweep is reported: plain lines, or bars and a table on a terminal."""

from __future__ import annotations

from zoo.reports.kit.text import choose_stream
from zoo_search.sweep import SweepWatcher
from zoo_search.sweep_report import PlainSweep


def make_sweep_watcher(quiet: bool = False, json: bool = False) -> SweepWatcher:
    """Return the watcher for ``zoo sweep``, chosen as in :func:`zoo.reports.choose.make_observer`."""
    stream, plain = choose_stream(quiet, json)
    if plain:
        return PlainSweep(stream, quiet=quiet)
    from zoo.reports.kit.console import new_console
    from zoo_search.sweep_console import ConsoleSweep

    return ConsoleSweep(new_console(stream))
