"""Choose how a comparison of architectures is reported: plain lines, or bars and a table on a terminal."""

from __future__ import annotations

from zoo.reports.choose import choose_stream
from zoo.reports.which import PlainWhich
from zoo.which.compare import ComparisonWatcher


def make_which_watcher(json: bool = False) -> ComparisonWatcher:
    """The watcher for ``zoo compare-architectures``: as :func:`zoo.reports.choose.make_observer`."""
    stream, plain = choose_stream(False, json)
    if plain:
        return PlainWhich(stream)
    from zoo.reports.parts import new_console
    from zoo.reports.which_console import ConsoleWhich

    return ConsoleWhich(new_console(stream))
