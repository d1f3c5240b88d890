"""The contributions of the plugin ``doctor``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo doctor``."""
    summary = "Check the installation and suggest fixes"
    return [Command("doctor", "zoo_doctor.command:doctor", summary=summary, heading="Maintain")]
