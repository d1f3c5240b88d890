"""The contributions of the plugin ``extend``."""

from __future__ import annotations

from zoo.plugin import Architecture, Command, Dataset, Function, hookimpl


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo extend``."""
    summary = "Add classes to a trained model in seconds"
    return [Command("extend", "zoo_extend.command:extend", summary=summary, heading="Train")]


@hookimpl
def zoo_functions() -> list[Function]:
    """``zoo.extend``."""
    return [Function("extend", "zoo_extend.functions:extend", summary="Add classes to a trained model")]


@hookimpl
def zoo_architectures() -> list[Architecture]:
    """The network of an extended run."""
    summary = "A network with classes that zoo extend has added"
    return [Architecture("extended", "zoo_extend.network:extended", summary=summary, tags=("extend", "derived"))]


@hookimpl
def zoo_datasets() -> list[Dataset]:
    """The images of an extended run."""
    summary = "A dataset and the folders of further classes, as zoo extend joins them"
    return [Dataset("extended", "zoo_extend.dataset:ExtendedImages", summary=summary, splits=("train", "val", "test"))]
