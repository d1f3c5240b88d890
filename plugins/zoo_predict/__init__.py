"""Predict the classes of pictures: files, folders, patterns and addresses; answers as a table, pictures or a page."""

from __future__ import annotations

from typing import ClassVar

from zoo.plugin import Component

__all__ = ["PredictEngine"]


class PredictEngine(Component):
    """``f(items, predictor)`` yields lists of rows, one row for each item, in the order of the items.

    ``items`` is an iterator of ``zoo_predict.many.items.ImageItem``, and ``predictor`` a
    ``zoo_predict.many.predictor.Predictor``; ``zoo predict --on NAME`` uses it instead of the threads of the process.
    """

    kind: ClassVar[str] = "predict_engine"
