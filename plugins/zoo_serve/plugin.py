"""The contributions of the plugin ``serve``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo serve``."""
    summary = "Serve a trained model over HTTP, with a web page"
    return [Command("serve", "zoo_serve.command:serve", summary=summary, heading="Use")]
