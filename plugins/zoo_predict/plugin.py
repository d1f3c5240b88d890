"""The contributions of the plugin ``predict``."""

from __future__ import annotations

from zoo.plugin import Command, Kind, hookimpl
from zoo_predict import PredictEngine


@hookimpl
def zoo_kinds() -> list[Kind]:
    """Where ``zoo predict --out`` computes."""
    return [Kind(PredictEngine, summary="Predict many images, with zoo predict --on")]


@hookimpl
def zoo_components() -> list[PredictEngine]:
    """The engine of this process."""
    return [PredictEngine("local", "zoo_predict.many.local:LocalEngine", summary="Threads of this process")]


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo predict``."""
    return [
        Command(
            "predict", "zoo_predict.command:predict", summary="Predict the classes or values of images", heading="Use"
        )
    ]
