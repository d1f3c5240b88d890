"""The contributions of the plugin ``doctor``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo doctor`` and ``zoo docs``."""
    return [
        Command(
            "doctor",
            "zoo_doctor.command:doctor",
            summary="Check the installation and suggest fixes",
            heading="Maintain",
        ),
        Command("docs", "zoo_doctor.documentation:docs", summary="Open the documentation", heading="Maintain"),
    ]
