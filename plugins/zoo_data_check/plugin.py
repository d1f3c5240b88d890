"""The contributions of the plugin ``data_check``."""

from __future__ import annotations

from zoo.plugin import Command, Function, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo data check``, ``zoo data stats``, ``zoo data show`` and ``zoo data split``."""
    summary = "Inspect a dataset, find its problems and divide it"
    return [Command("data", "zoo_data_check.command:group", summary=summary, heading="Data")]


@hookimpl
def zoo_functions() -> list[Function]:
    """``zoo.show_batch``."""
    summary = "Show a batch of labelled images as training gets them"
    return [Function("show_batch", "zoo_data_check.batch:show_batch", summary=summary)]
