"""The contributions of zoo_ray. This module imports neither Ray nor torch."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Command, Component, hookimpl
from zoo_predict import PredictEngine
from zoo_search import SweepEngine


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


@hookimpl
def zoo_components() -> Iterator[Component]:
    """The engines of ``--on ray``."""
    yield SweepEngine("ray", "zoo_ray.tuning:RayTrials", summary="Ray Tune, on the machines of a cluster")
    yield PredictEngine("ray", "zoo_ray.predicting:RayPredictions", summary="Ray Data, on the machines of a cluster")
