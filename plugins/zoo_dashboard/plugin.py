"""The contributions of the plugin ``dashboard``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo dashboard``."""
    summary = "Show the runs in a folder as a page that goes on as they do"
    return [Command("dashboard", "zoo_dashboard.command:dashboard", summary=summary)]
