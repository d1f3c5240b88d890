"""The contributions of the plugin ``scaffold``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo plugins new``."""
    return [Command("new", "zoo_scaffold.command:new", summary="Create a plugin package, zoo-NAME", group="plugins")]
