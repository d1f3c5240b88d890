"""The contributions of the plugin ``bench``."""

from __future__ import annotations

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo bench``."""
    summary = "Benchmark training and inference of a network"
    return [Command("bench", "zoo_bench.command:bench", summary=summary, heading="Inspect")]
