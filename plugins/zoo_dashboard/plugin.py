"""The contributions of the plugin ``dashboard``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo dashboard``."""
    summary = "Show runs on a live web page"
    return [Command("dashboard", "zoo_dashboard.command:dashboard", summary=summary, heading="Inspect")]
