"""The contributions of the plugin ``data_check``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo data check``, ``zoo data stats`` and ``zoo data show``."""
    summary = "Inspect a dataset and find problems in it"
    return [Command("data", "zoo_data_check.command:group", summary=summary, heading="Data")]
