"""The contributions of the plugin ``search``."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Command, Kind, hookimpl
from zoo_search import SweepEngine


@hookimpl
def zoo_kinds() -> Iterator[Kind]:
    """Where the trials of ``zoo sweep`` run."""
    yield Kind(SweepEngine, summary="Run the trials of a sweep, with zoo sweep --on")


@hookimpl
def zoo_components() -> Iterator[SweepEngine]:
    """The engine of this process."""
    yield SweepEngine("local", "zoo_search.sweep:OneAtATime", summary="One trial at a time, in this process")


@hookimpl
def zoo_commands() -> Iterator[Command]:
    """``zoo sweep``, ``zoo compare-architectures`` and ``zoo lr-find``."""
    yield Command(
        "sweep",
        "zoo_search.sweep_command:sweep",
        summary="Search for better hyperparameters",
        heading="Train",
        tags=("optuna",),
    )
    yield Command(
        "compare-architectures",
        "zoo_search.architectures_command:compare_architectures",
        summary="Compare architectures within a time budget",
        heading="Train",
    )
    yield Command(
        "lr-find",
        "zoo_search.lr_find_command:lr_find",
        summary="Find a learning rate with a range test",
        heading="Train",
    )
