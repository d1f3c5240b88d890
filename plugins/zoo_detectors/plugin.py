"""The contributions of the plugin ``detectors``."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Command, Component, Kind, PredictionField, hookimpl
from zoo_detectors import Detector


@hookimpl
def zoo_kinds() -> list[Kind]:
    """Detectors of pictures that show none of the classes."""
    return [Kind(Detector, summary="Detect pictures that show none of the classes, with zoo detector")]


@hookimpl
def zoo_components() -> Iterator[Component]:
    """The detectors, and the field of a prediction that they decide."""
    here = "zoo_detectors"
    yield Detector("max_softmax", f"{here}.logits:MaxSoftmax", summary="Probability of the most probable class")
    yield Detector("max_logit", f"{here}.logits:MaxLogit", summary="Largest logit")
    yield Detector("energy", f"{here}.logits:Energy", summary="Free energy of the logits")
    yield Detector("mahalanobis", f"{here}.distances:Mahalanobis", summary="Mahalanobis distance to the nearest class")
    yield Detector(
        "relative_mahalanobis",
        f"{here}.distances:RelativeMahalanobis",
        summary="Mahalanobis distance to the nearest class, less the one to all",
    )
    yield Detector("knn", f"{here}.distances:Knn", summary="Distance to the k-th nearest training image")
    yield Detector("residual", f"{here}.subspace:Residual", summary="Length outside of the principal subspace")
    yield Detector("vim", f"{here}.subspace:ViM", summary="Virtual-logit matching: residual and energy")
    yield PredictionField("detector", f"{here}.field:DetectorField", summary="Whether an image is like the training's")


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo detector``."""
    summary = "Mark images that show none of the classes"
    return [Command("detector", "zoo_detectors.command:detector", summary=summary, heading="Use")]
