"""The contributions of the plugin ``label``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo label``."""
    summary = "Label pictures on a local page"
    return [Command("label", "zoo_label.command:label", summary=summary, heading="Data")]
