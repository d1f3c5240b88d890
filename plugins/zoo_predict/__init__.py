"""Predict classes or values of pictures: files, folders, patterns and addresses; as a table, pictures or a page."""

from __future__ import annotations

from typing import ClassVar

from zoo.plugin import Component

__all__ = ["PredictEngine"]


class PredictEngine(Component):
    """``f()`` returns a function of items and a predictor, which yields lists of rows in the order of the items.

    The items are an iterator of ``zoo_predict.many.items.ImageItem``, each of which has one row, and the predictor is a
    ``zoo_predict.many.predictor.Predictor``; ``zoo predict --on NAME`` calls the function instead of predicting in its
    own process.
    """

    kind: ClassVar[str] = "predict_engine"
