"""Whether a written artifact answers as the zoo's own model does, and what one that computes less exactly loses."""

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

__all__ = ["TOLERANCE", "Reference", "lossy", "same_answers", "same_card", "through_own_resize"]

TOLERANCE = 1e-3
"""Probabilities in float32 may differ by less than this: another runtime adds up in another order."""
BATCH = 16
FIRST = (1, 3)
"""Sizes of the first batches, so that a file that takes one size only is found out."""
FULL_SIZE = 64
"""So many images are also given in their own size, for the artifact to resize."""
ROUNDS = 15
"""Of two artifacts in turn: what slows the machine for a while slows both."""

Answering = Callable[[Pixels], NDArray[np.float32]]


@dataclass(frozen=True)
class Reference:
    """The zoo's own answers, to compare with.

    Args:
        classifier: the bundle's, in float32 on the CPU.
        images: the validation images.
        probs: (N, K) float32, the classifier's answers to them.
    """

    classifier: Classifier
    images: Split
    probs: Tensor

    @classmethod
    def of(cls, classifier: Classifier, images: Split) -> Reference:
        """The classifier's answers to each of the images."""
        answers = [classifier.probabilities(list(batch), "none") for batch in _batches(images)]
        return cls(classifier, images, torch.cat(answers))

    @property
    def shape(self) -> Shape:
        return self.classifier.preprocessing.shape

    def first(self, count: int) -> Reference:
        """The same of the first images."""
        rows = np.arange(min(count, len(self.images)))
        return Reference(self.classifier, self.images.part(self.images.name, rows), self.probs[: len(rows)])

    def decisions(self, probs: Tensor) -> Tensor:
        """What is answered: indices (N,), or yes and no of each class (N, K)."""
        if not self.classifier.task.multilabel:
            return probs.argmax(1)
        thresholds = self.classifier.card.get("thresholds") or [0.5] * len(self.classifier.classes)
        return probs >= torch.tensor(thresholds)

    def accuracy(self, probs: Tensor) -> float:
        """The share of images that are answered right; of several labels an image, all of them right."""
        labels, decided = torch.from_numpy(np.asarray(self.images.labels)), self.decisions(probs)
        right = decided == labels if decided.ndim == 1 else (decided == (labels >= 0.5)).all(1)
        return float(right.double().mean())

    def ask(self, artifact: Answering) -> Tensor:
        """An artifact's answers to the images, given the very pixels that the network sees."""
        found = [_answer(artifact, framed(batch, self.shape), self.probs.shape[1]) for batch in _batches(self.images)]
        return torch.cat(found)

    def compare(self, wanted: Tensor, found: Tensor) -> dict[str, Any]:
        """``images``, how many are answered otherwise, and the largest difference of a probability."""
        return {
            "images": len(wanted),
            "disagreements": int(_any(self.decisions(wanted) != self.decisions(found)).sum()),
            "largest_difference": float((wanted - found).abs().max()),
        }


def same_card(artifact: Artifact, card: Mapping[str, Any]) -> None:
    """What the artifact says of itself must be what the bundle says.

    Raises:
        ExportError: classes, preprocessing or anything else differs; names it.
    """
    other = [name for name, value in card.items() if artifact.card.get(name) != value]
    if other:
        raise ExportError(
            f"its metadata has another {other[0]} than the bundle: {artifact.card.get(other[0])!r:.120}, not "
            f"{card[other[0]]!r:.120}"
        )


def same_answers(reference: Reference, artifact: Answering) -> dict[str, Any]:
    """Compare on the validation images, pixel by pixel the same for both.

    Returns:
        ``{"images", "disagreements", "largest_difference", "tolerance", "accuracy"}``.

    Raises:
        ExportError: an image is answered otherwise, or a probability differs by the tolerance or more.
    """
    probs = reference.ask(artifact)
    found = reference.compare(reference.probs, probs)
    if found["disagreements"] or not found["largest_difference"] < TOLERANCE:  # NaN is refused as well
        raise ExportError(
            f"it answers {found['disagreements']:,} of {found['images']:,} validation images otherwise than the zoo's "
            f"own model, and its probabilities differ by up to {found['largest_difference']:.2g}; allowed are 0 and "
            f"less than {TOLERANCE:g}"
        )
    return {**found, "tolerance": TOLERANCE, "accuracy": reference.accuracy(probs)}


def through_own_resize(reference: Reference, artifact: Answering, dataset: Any) -> dict[str, Any]:
    """What the artifact's own resize changes: images in full size, against the zoo's decoding and resize.

    Args:
        dataset: the images' dataset object.

    Returns:
        As :meth:`Reference.compare` gives it. Nothing is refused here: filters differ by a grey value here and there.
    """
    wanted, found = [], []
    for item in _spread(dataset):
        try:
            wanted.append(reference.classifier.probabilities([to_pixels(item(), *reference.shape)], "none"))
            whole = full_size(item(), reference.shape.in_chans)
        except BadImage:
            continue
        found.append(_answer(artifact, whole[None], reference.probs.shape[1]))
    return reference.compare(torch.cat(wanted[: len(found)]), torch.cat(found)) if found else {}


def lossy(reference: Reference, exact: Answering, coarse: Answering, most: float) -> dict[str, Any]:
    """What an artifact that computes less exactly loses, and gains.

    Args:
        most: how much of the accuracy may be lost, 0..1.

    Returns:
        ``accuracy`` and ``images_per_second``, each ``{"before", "after"}``, the ``loss``, and ``speed``, as
        :func:`zoo.engine.bench.compared` has it, with how the answers compare.

    Raises:
        ExportError: more is lost.
    """
    probs = reference.ask(coarse)
    accuracy = {"before": reference.accuracy(reference.probs), "after": reference.accuracy(probs)}
    loss = accuracy["before"] - accuracy["after"]
    if not (loss <= most and bool(probs.isfinite().all())):
        raise ExportError(
            f"its accuracy on the {len(probs):,} validation images is {accuracy['after']:.1%}, and in float32 it is "
            f"{accuracy['before']:.1%}: it loses {loss:.4f}, and --max-loss is {most:g}"
        )
    batch = framed(next(iter(_batches(reference.images, first=()))), reference.shape)
    before, after = call_rates([(exact, batch), (coarse, batch)], ROUNDS)
    return {
        **reference.compare(reference.probs, probs),
        "accuracy": accuracy,
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
        raise ExportError(f"it answers {len(images)} images with numbers of shape {found.shape}")
    return torch.from_numpy(found).float()


def _any(differs: Tensor) -> Tensor:
    return differs if differs.ndim == 1 else differs.any(1)


def _spread(dataset: Any) -> Iterator[Callable[[], Any]]:
    """Images from all over a dataset; each is opened anew whenever it is called, for decoding uses it up."""
    count = len(dataset)
    for index in np.unique(np.linspace(0, count - 1, min(count, FULL_SIZE)).round().astype(int)).tolist():
        yield lambda index=index: read_item(dataset, index)[0]  # type: ignore[misc]
