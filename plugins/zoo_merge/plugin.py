"""The contributions of the plugin ``merge``: the kind of mergers, the architecture of ensembles, and ``zoo merge``."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Architecture, Command, Kind, hookimpl
from zoo_merge import Merger


@hookimpl
def zoo_kinds() -> Iterator[Kind]:
    yield Kind(
        Merger,
        summary="Merge repeated runs into one model",
        path="merge",
        choose="optional",
        option="--merge",
        repeats="zoo_merge.repeated:AfterRepeats",
        checks="zoo_merge.checks",
    )


@hookimpl
def zoo_components() -> Iterator[Merger]:
    yield Merger(
        "ensemble",
        "zoo_merge.ensemble:EnsembleMerger",
        summary="Average the probabilities, or the values, of all runs",
        tags=("average", "probabilities", "values"),
    )
    yield Merger(
        "soup",
        "zoo_merge.soup:SoupMerger",
        summary="Average the weights of runs that began with the same ones, chosen greedily",
        tags=("average", "weights"),
    )
    yield Merger(
        "distilled",
        "zoo_merge.distilled:DistilledMerger",
        summary="Train one network with the ensemble as its teacher",
        tags=("teacher",),
    )


@hookimpl
def zoo_architectures() -> Iterator[Architecture]:
    yield Architecture(
        "ensemble",
        "zoo_merge.networks:ensemble",
        summary="Several networks whose probabilities or values are averaged",
        tags=("average", "derived"),
    )


@hookimpl
def zoo_commands() -> Iterator[Command]:
    """``zoo merge``."""
    yield Command(
        "merge",
        "zoo_merge.command:merge",
        summary="Merge trained runs into one model",
        heading="Train",
        tags=("ensemble", "soup", "distillation"),
    )
