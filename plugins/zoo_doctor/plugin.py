"""The contributions of the plugin ``doctor``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo doctor`` and ``zoo docs``."""
    check = "Check the installation and suggest fixes"
    return [
        Command("doctor", "zoo_doctor.command:doctor", summary=check, heading="Maintain"),
        Command("docs", "zoo_doctor.documentation:docs", summary="Open the documentation", heading="Maintain"),
    ]
