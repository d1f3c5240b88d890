"""The contributions of the plugin ``schema``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo schema``."""
    summary = "Print the JSON schema of job files or registry.yaml"
    return [Command("schema", "zoo_schema.command:schema", summary=summary, heading="Extend")]
