"""The contributions of the plugin ``cache``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo cache``."""
    return [Command("cache", "zoo_cache.command:group", summary="List and prune cached data", heading="Maintain")]
