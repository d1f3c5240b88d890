"""The contributions of the plugin ``bench``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo bench``."""
    summary = "Time a network: training steps and answers, on this machine"
    return [Command("bench", "zoo_bench.command:bench", summary=summary)]
