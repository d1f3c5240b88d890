"""The contributions of zoo_ray. This module imports neither Ray nor torch."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> Iterator[Command]:
    """``zoo ray run``."""
    yield Command(
        "ray",
        "zoo_ray.command:ray",
        summary="Train on the machines of a Ray cluster",
        tags=("cluster", "distributed"),
        heading="Train",
    )
