"""Choose how a comparison of architectures is reported: plain lines, or bars and a table on a terminal."""

from __future__ import annotations

from zoo.reports.kit.text import choose_stream
from zoo_search.architectures import ComparisonWatcher
from zoo_search.architectures_report import PlainWhich


def make_which_watcher(json: bool = False) -> ComparisonWatcher:
    """Return the watcher for ``zoo compare-architectures``, chosen as in :func:`zoo.reports.choose.make_observer`."""
    stream, plain = choose_stream(False, json)
    if plain:
        return PlainWhich(stream)
    from zoo.reports.kit.console import new_console
    from zoo_search.architectures_console import ConsoleWhich

    return ConsoleWhich(new_console(stream))
