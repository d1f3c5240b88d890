"""Trackers: logs of runs for TensorBoard, MLflow, Weights & Biases, trackio and programs of your own."""

from __future__ import annotations

from typing import ClassVar

from zoo.plugin import Component

__all__ = ["Tracker"]


class Tracker(Component):
    """``f(**params)`` returns a ``zoo_track.tracking.RunTracker``, which receives the records of a run.

    A factory with a ``folder`` parameter gets the run's folder, a ``Path``.
    """

    kind: ClassVar[str] = "tracker"
