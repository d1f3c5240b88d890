"""Lifecycle hooks of plugins, each called by itself: one that raises is told of, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zoo.host import Plugin, call_one


class Hooks:
    """The plugins that watch a run.

    Args:
        plugins: those loaded.
        tell: told a line for each hook that fails.
    """

    def __init__(self, plugins: Sequence[Plugin], tell: Callable[[str], None]):
        self.plugins = [p for p in plugins if p.state == "enabled"]
        self.tell = tell

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """What each plugin's hook returned, without None."""
        results: list[Any] = []
        for plugin in self.plugins:
            try:
                results += [
                    list(r) if hook == "zoo_report_sections" else r for r in call_one(plugin, hook, **arguments)
                ]
            except (Exception, SystemExit) as error:  # a run isn't a plugin's to end
                self.tell(f"plugin {plugin.name!r}: {hook} failed and was passed over: {type(error).__name__}: {error}")
        return results
