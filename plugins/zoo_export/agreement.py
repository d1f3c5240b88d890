"""Comparison of an exported artifact with the zoo's own model, and the loss of quantized artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.api.compute import call_rates, compared
from zoo.api.images import Pixels, Shape, Split, framed, full_size, read_item, to_pixels
from zoo.api.models import Artifact, Classifier
from zoo.errors import BadImage, ExportError
from zoo_export.card import ENDS
from zoo_export.measures import TOLERANCE, Measure, measure_of

__all__ = ["Reference", "lossy", "same_answers", "same_card", "same_quantiles", "through_own_resize"]

BATCH = 16
FIRST = (1, 3)
"""Sizes of the first batches, to detect artifacts with a fixed batch size."""
FULL_SIZE = 64
"""Number of images that are also passed in their original size, for the artifact to resize."""
ROUNDS = 15
"""Number of alternating timing rounds of two artifacts, so that interference affects both."""

Answering = Callable[[Pixels], NDArray[np.float32]]


@dataclass(frozen=True)
class Reference:
    """Predictions of the zoo's own model, to compare with.

    Args:
        classifier: classifier of the bundle, in float32 on the CPU.
        images: the validation images.
        probs: (N, K) float32, probabilities, or values, of the classifier for the images.
    """

    classifier: Classifier
    images: Split
    probs: Tensor

    @classmethod
    def of(cls, classifier: Classifier, images: Split) -> Reference:
        """Compute the classifier's predictions for all images."""
        answers = [classifier.probabilities(list(batch), "none") for batch in _batches(images)]
        return cls(classifier, images, torch.cat(answers))

    @property
    def shape(self) -> Shape:
        return self.classifier.preprocessing.shape

    def first(self, count: int) -> Reference:
        """Reference restricted to the first images."""
        rows = np.arange(min(count, len(self.images)))
        return Reference(self.classifier, self.images.part(self.images.name, rows), self.probs[: len(rows)])

    @property
    def measure(self) -> Measure:
        return measure_of(self.classifier)

    def score(self, probs: Tensor) -> float:
        """Score of answers (N, K) to the images: the accuracy, or the mean absolute error."""
        return self.measure.scored(probs, self.images.labels)

    def ask(self, artifact: Answering) -> Tensor:
        """Compute an artifact's answers (N, K) for the same pixels that the network gets."""
        found = [_answer(artifact, framed(batch, self.shape), self.probs.shape[1]) for batch in _batches(self.images)]
        return torch.cat(found)


def same_card(artifact: Artifact, card: Mapping[str, Any]) -> None:
    """Check that the artifact's metadata equals the bundle's card.

    Raises:
        ExportError: classes, preprocessing or another entry differs.
    """
    other = [name for name, value in card.items() if artifact.card.get(name) != value]
    if other:
        raise ExportError(
            f"its metadata differs from the bundle in {other[0]!r}: {artifact.card.get(other[0])!r:.120}, not "
            f"{card[other[0]]!r:.120}"
        )


def same_answers(reference: Reference, artifact: Answering) -> dict[str, Any]:
    """Check that an artifact agrees with the reference on the validation images, with identical pixels.

    Returns:
        ``{"images", "disagreements", "largest_difference", "tolerance", "accuracy"}``; of values ``{"images",
        "largest_difference", "unit", "tolerance", "mae"}``.

    Raises:
        ExportError: a decision differs, or a probability or a value differs by the tolerance or more.
    """
    probs, measure = reference.ask(artifact), reference.measure
    found = measure.compare(reference.probs, probs)
    if difference := measure.difference(found):
        raise ExportError(difference)
    return {**found, "tolerance": TOLERANCE, measure.score: reference.score(probs)}


def same_quantiles(reference: Reference, artifact: Answering) -> None:
    """Check that the quantiles of an artifact, where it has any, agree with the model's on the validation images.

    Raises:
        ExportError: the lowest or the highest differs by the tolerance or more.
    """
    quantiles = getattr(artifact, "quantiles", None)
    if quantiles is None:
        return
    own: list[Tensor] = []
    other: list[Tensor] = []
    for batch in _batches(reference.images):
        ends = reference.classifier.compute(list(batch), "none").ends
        assert ends is not None
        own.append(torch.stack(ends))
        other.append(torch.from_numpy(np.moveaxis(quantiles(framed(batch, reference.shape))[:, :, [0, 2]], 2, 0)))
    for name, wanted, found in zip(ENDS, torch.cat(own, dim=1), torch.cat(other, dim=1), strict=True):
        if difference := reference.measure.difference(reference.measure.compare(wanted, found)):
            raise ExportError(f"of its {name} quantiles, {difference}")


def through_own_resize(reference: Reference, artifact: Answering, dataset: Any) -> dict[str, Any]:
    """Compare an artifact's own resizing of full-size images with the zoo's decoding and resizing.

    Args:
        reference: predictions of the zoo's own model.
        artifact: the exported model.
        dataset: dataset object of the images.

    Returns:
        Result of :meth:`zoo_export.measures.Measure.compare`. There is no limit, since resampling filters differ
        slightly.
    """
    wanted, found = [], []
    for item in _spread(dataset):
        try:
            wanted.append(reference.classifier.probabilities([to_pixels(item(), *reference.shape)], "none"))
            whole = full_size(item(), reference.shape.in_chans, reference.shape.values)
        except BadImage:
            continue
        found.append(_answer(artifact, whole[None], reference.probs.shape[1]))
    return reference.measure.compare(torch.cat(wanted[: len(found)]), torch.cat(found)) if found else {}


def lossy(reference: Reference, exact: Answering, coarse: Answering, most: float) -> dict[str, Any]:
    """Compare the accuracy, or the mean absolute error, and the speed of a quantized artifact with the exact one.

    Args:
        reference: predictions of the zoo's own model.
        exact: the float32 artifact.
        coarse: the quantized artifact.
        most: maximum loss of accuracy, 0..1; of values, maximum increase of the error in standard deviations.

    Returns:
        Result of :meth:`zoo_export.measures.Measure.compare`, with ``accuracy`` (or ``mae``) and
        ``images_per_second``, each ``{"before", "after"}``, ``loss``, ``max_loss``, ``speed`` (see
        :func:`zoo_bench.steps.compared`) and ``batch_size``.

    Raises:
        ExportError: the loss exceeds ``most``.
    """
    probs, measure = reference.ask(coarse), reference.measure
    scores = {"before": reference.score(reference.probs), "after": reference.score(probs)}
    loss = measure.loss(reference.probs, probs, reference.images.labels)
    if not (loss <= most and bool(probs.isfinite().all())):
        raise ExportError(f"{measure.lossy(scores, loss, len(probs))}, above --max-loss {most:g}")
    batch = framed(next(iter(_batches(reference.images, first=()))), reference.shape)
    before, after = call_rates([(exact, batch), (coarse, batch)], ROUNDS)
    return {
        **measure.compare(reference.probs, probs),
        measure.score: scores,
        "loss": loss,
        "max_loss": most,
        "images_per_second": {"before": median(before), "after": median(after)},
        "speed": compared(after, before),
        "batch_size": len(batch),
    }


def _batches(images: Split, first: Sequence[int] = FIRST) -> Iterator[Pixels]:
    begin = 0
    for size in (*first, *[BATCH] * len(images)):
        if begin < len(images):
            yield np.ascontiguousarray(images.gather(np.arange(begin, min(begin + size, len(images)))))
        begin += size


def _answer(artifact: Answering, images: Pixels, classes: int) -> Tensor:
    try:
        found = np.asarray(artifact(images))
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise ExportError(f"it fails on {len(images)} images: {type(error).__name__}: {first:.300}") from error
    if found.shape != (len(images), classes):
        raise ExportError(f"for {len(images)} images it returns shape {found.shape}")
    return torch.from_numpy(found).float()


def _spread(dataset: Any) -> Iterator[Callable[[], Any]]:
    """Yield images spread over a dataset; each is reopened when called, since decoding consumes it."""
    count = len(dataset)
    for index in np.unique(np.linspace(0, count - 1, min(count, FULL_SIZE)).round().astype(int)).tolist():
        yield lambda index=index: read_item(dataset, index)[0]  # type: ignore[misc]
