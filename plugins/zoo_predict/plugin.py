"""The contributions of the plugin ``predict``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo predict``."""
    return [Command("predict", "zoo_predict.command:predict", summary="Classify images", heading="Use")]
