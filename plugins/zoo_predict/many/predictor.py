"""Rows of images: decoding, which needs no device, and the answers of a batch."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.api.images import Pixels, decode_errors, open_image
from zoo.errors import BadImage, DataError, RequestError
from zoo_predict.depth import decoded_with_loss
from zoo_predict.many.items import ImageItem, content
from zoo_predict.many.task import PredictTask

if TYPE_CHECKING:
    from zoo.api.models import Classifier

__all__ = ["DecodedBatch", "Predictor", "Row"]

Row = dict[str, Any]
"""``path``, ``label``, ``confidence``, ``top`` (or ``labels``, ``top``; ``value``; ``values``), perhaps ``sure``,
``familiar``, ``set``, ``embedding`` (float32 (D,)), and ``error``: None, or the reason why there is no prediction."""
DEPTH = "depth"
"""Key of an image's depth, where decoding loses something of it; not a column."""


class DecodedBatch(NamedTuple):
    """Decoded images: pixels (size, size, C) or the reason why there are none, and the depth beyond 8 bits."""

    items: Sequence[ImageItem]
    pixels: list[Pixels | str]
    depths: list[str | None]


class Predictor:
    """A model in use. Decoding may run in several threads, answers in one.

    Args:
        task: the model and its options.
        classifier: the loaded model; by default it is loaded.
    """

    def __init__(self, task: PredictTask, classifier: Classifier | None = None) -> None:
        from zoo.api.compute import keep_freed_memory
        from zoo.api.models import load

        self.task = task
        how: dict[str, Any] = {"device": task.device, "reject_below": task.reject_below, "coverage": task.coverage}
        self.classifier = classifier or load(task.model, **how)
        keep_freed_memory(self.classifier.execution.device)
        self.classifier.settle()

    @property
    def batch(self) -> int:
        """Number of images per batch."""
        return self.classifier.batch

    def __call__(self, items: Iterable[ImageItem]) -> list[Row]:
        """Predict images in one batch: a row for each, in order."""
        return self.answer(self.decode(list(items)))

    def decode(self, items: Sequence[ImageItem]) -> DecodedBatch:
        """Read and decode images.

        Raises:
            RequestError: an address is given and downloads are disabled.
        """
        found = [self._decoded(item) for item in items]
        return DecodedBatch(items, [pixels for pixels, _ in found], [depth for _, depth in found])

    def _decoded(self, item: ImageItem) -> tuple[Pixels | str, str | None]:
        try:
            with content(item) as source:
                return self._picture(source, item.name)
        except (BadImage, DataError) as error:
            return str(error).removeprefix(f"{item.name}: "), None
        except decode_errors() as error:
            return _reason(error), None

    def _picture(self, source: Path | bytes, name: str) -> tuple[Pixels, str | None]:
        picture = open_image(io.BytesIO(source) if isinstance(source, bytes) else source)
        with picture if hasattr(picture, "close") else nullcontext():
            return decoded_with_loss(self.classifier, picture, name)

    def answer(self, decoded: DecodedBatch) -> list[Row]:
        """Predict decoded images: a row for each, in order."""
        good = [pixels for pixels in decoded.pixels if not isinstance(pixels, str)]
        answers = iter(self._answers(good) if good else [])
        return [
            {"path": item.name, **(_failed(pixels) if isinstance(pixels, str) else next(answers)), DEPTH: depth}
            for item, pixels, depth in zip(decoded.items, decoded.pixels, decoded.depths, strict=True)
        ]

    def _answers(self, pixels: Sequence[Pixels]) -> list[Row]:
        task = self.task
        found = self.classifier.compute(pixels, task.tta, embeddings=task.embeddings)
        embeddings = found.embeddings.numpy() if task.embeddings and found.embeddings is not None else None
        answers = self.classifier.answers_of(found, task.top_k, task.tta)
        rows = [_failed("the prediction is NaN") if each is None else {**each, "error": None} for each in answers]
        for row, embedding in zip(rows, () if embeddings is None else embeddings, strict=False):
            row["embedding"] = None if row["error"] else embedding
        return rows

    @cached_property
    def example(self) -> Row:
        """The row of a black image, which has the columns of every row.

        Raises:
            RequestError: the prediction is NaN.
        """
        shape = self.classifier.preprocessing
        row = self._answers([np.zeros((shape.image_size, shape.image_size, shape.in_chans), np.uint8)])[0]
        if row["error"]:
            raise RequestError("The model's prediction of a black image is NaN. To check the weights: zoo evaluate RUN")
        return row


def _failed(reason: str) -> Row:
    return {"error": reason}


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError | IsADirectoryError):
        return str(error.strerror).lower()
    text = str(error)
    return text if "Type: " in text else "not a readable image"
