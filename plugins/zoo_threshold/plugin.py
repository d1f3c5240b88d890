"""The contributions of the plugin ``threshold``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo runs threshold``."""
    summary = 'Choose the confidence threshold below which a model answers "not sure"'
    return [Command("threshold", "zoo_threshold.command:threshold", summary=summary, group="runs")]
