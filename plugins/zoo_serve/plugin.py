"""The contributions of the plugin ``serve``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo serve``."""
    summary = "Answer requests by a trained model, and by a page to drop pictures on"
    return [Command("serve", "zoo_serve.command:serve", summary=summary)]
