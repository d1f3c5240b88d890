"""The contributions of the plugin ``doctor``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo doctor`` and ``zoo docs``."""
    summary = "Look at this installation, and say what mends what is wrong"
    return [
        Command("doctor", "zoo_doctor.command:doctor", summary=summary),
        Command("docs", "zoo_doctor.documentation:docs", summary="Open the documentation"),
    ]
