"""Predictions of pictures, in batches, and what counts as a low confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from zoo.api.models import Classifier
from zoo.errors import BadImage
from zoo_predict.pictures import Picture
from zoo_predict.values import has_values

__all__ = ["LOW", "PicturePrediction", "is_low", "predict_all"]

LOW = 0.6
"""A confidence below this is low, in a model without a threshold of its own."""


class PicturePrediction(NamedTuple):
    """A picture and its prediction, as ``Classifier.predict`` returns it."""

    picture: Picture
    prediction: dict[str, Any]


def is_low(prediction: Mapping[str, Any]) -> bool:
    """Check for a confidence below the model's threshold, or below :data:`LOW` in a model without one.

    Values have no confidence.
    """
    if has_values(prediction):
        return False
    if "labels" in prediction:
        return not prediction["labels"]
    return not prediction.get("sure", prediction["confidence"] >= LOW)


def predict_all(
    classifier: Classifier,
    pictures: Sequence[Picture],
    top_k: int,
    tta: str | None,
    advance: Callable[[int], object] = lambda count: None,
) -> tuple[list[PicturePrediction], list[str]]:
    """Predict all pictures, in batches.

    Args:
        classifier: the model.
        pictures: the pictures.
        top_k, tta: see ``Classifier.predict``.
        advance: called after each batch with its number of pictures.

    Returns:
        The answers, and a sentence for each picture that can't be decoded.
    """
    answers: list[PicturePrediction] = []
    problems: list[str] = []
    for start in range(0, len(pictures), classifier.batch):
        batch = pictures[start : start + classifier.batch]
        try:
            answers += _answers(classifier, batch, top_k, tta)
        except BadImage:  # retry the batch's pictures one by one
            for picture in batch:
                try:
                    answers += _answers(classifier, [picture], top_k, tta)
                except BadImage as error:
                    problems.append(str(error).replace(str(picture.path), picture.name))
        advance(len(batch))
    return answers, problems


def _answers(classifier: Classifier, batch: Sequence[Picture], top_k: int, tta: str | None) -> list[PicturePrediction]:
    found = classifier.predict([picture.path for picture in batch], top_k, tta)
    return [
        PicturePrediction(picture, {**each, "path": picture.name}) for picture, each in zip(batch, found, strict=True)
    ]
