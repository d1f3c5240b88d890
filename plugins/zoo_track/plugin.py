"""The kind of trackers, those of the zoo, and ``zoo tracking``. No tracking library is imported to list them."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Command, Kind, hookimpl
from zoo_track import Tracker


@hookimpl
def zoo_kinds() -> Iterator[Kind]:
    yield Kind(
        Tracker,
        summary="Log the run to a tracker",
        path="trackers",
        option="--track",
        given=("folder",),
        use="zoo_track.tracking:TrackerCallback",
        checks="zoo_track.checks",
    )


@hookimpl
def zoo_components() -> Iterator[Tracker]:
    yield Tracker(
        "tensorboard",
        "zoo_track.to_tensorboard:TensorBoard",
        summary="TensorBoard logs in the run's folder",
        tags=("logs", "tensorboard"),
    )
    yield Tracker(
        "mlflow",
        "zoo_track.to_mlflow:MLflow",
        summary="MLflow run, on a server or in a file beside the runs",
        tags=("logs", "mlflow"),
    )
    yield Tracker(
        "wandb",
        "zoo_track.to_wandb:WeightsAndBiases",
        summary="Weights & Biases run, offline unless asked otherwise",
        tags=("logs", "wandb"),
    )
    yield Tracker(
        "trackio",
        "zoo_track.to_trackio:Trackio",
        summary="trackio run, in a local database",
        tags=("logs", "trackio", "remote"),
    )
    yield Tracker(
        "json_lines",
        "zoo_track.json_lines:JsonLines",
        summary="One JSON object per event of the run, in a file",
        tags=("logs", "json"),
    )


@hookimpl
def zoo_commands() -> Iterator[Command]:
    yield Command(
        "tracking",
        "zoo_track.command:tracking",
        summary="List runs with logs of trackers",
        tags=("tensorboard", "mlflow", "logs"),
        heading="Inspect",
    )
