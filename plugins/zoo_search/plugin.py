"""The contributions of the plugin ``search``."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> Iterator[Command]:
    """``zoo sweep``, ``zoo compare-architectures`` and ``zoo lr-find``."""
    yield Command(
        "sweep",
        "zoo_search.sweep_command:sweep",
        summary="Try other values of a job, and keep the best",
        tags=("optuna",),
    )
    yield Command(
        "compare-architectures",
        "zoo_search.architectures_command:compare_architectures",
        summary="Find out which network to take",
    )
    yield Command(
        "lr-find",
        "zoo_search.lr_find_command:lr_find",
        summary="Find a learning rate by a range test, and plot it",
    )
