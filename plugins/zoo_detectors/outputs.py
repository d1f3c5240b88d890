"""Logits and embeddings of a run's own images and of foreign pictures, computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.api.compute import find_head
from zoo.api.images import TRAIN, VAL, Pixels, Split, build_opener, other_unit
from zoo.api.jobs import Registry, resolve
from zoo.api.models import Classifier
from zoo.api.running import blank, own_split, request_of
from zoo.errors import BadImage, RequestError
from zoo.plugin import PictureValues
from zoo_detectors.fitted import KnownImages
from zoo_detectors.foreign import FEWEST, ForeignKind

__all__ = ["MOST", "ModelOutputs", "RunImages", "scored"]

MOST = 5000
"""Largest number of training images, and of validation images; of more, this many are drawn at random."""
Advance = Callable[[int], object]


@dataclass(frozen=True)
class ModelOutputs:
    """Outputs of a model for N images: logits (N, K), and embeddings (N, D) where it has a last layer."""

    logits: Tensor
    embeddings: Tensor | None

    def part(self, rows: np.ndarray[Any, Any]) -> ModelOutputs:
        """Select images."""
        index = torch.from_numpy(rows)
        return ModelOutputs(self.logits[index], None if self.embeddings is None else self.embeddings[index])

    def __len__(self) -> int:
        return len(self.logits)


@dataclass
class RunImages:
    """The images of a run, and what its model computes of them.

    Args:
        classifier: the model.
        folder: folder of the run.
        registry: registry of the run's components.
        data: folder of the dataset, where it has moved.
    """

    classifier: Classifier
    folder: Path
    registry: Registry
    data: Path | None = None
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.has_embeddings = self._has_embeddings()

    def splits(self) -> tuple[Split, Split]:
        """Training and validation images."""
        card = self.classifier.card
        resolved = resolve(request_of(self.folder, card, {"data": self.data}), self.registry)
        opener = build_opener(resolved, self.classifier.preprocessing.shape)
        train, val = (own_split(opener, resolved, list(card["classes"]), name, own=True) for name in (TRAIN, VAL))
        return _drawn(train), _drawn(val)

    def of_split(self, split: Split, advance: Advance) -> ModelOutputs:
        """Outputs for a split."""
        rows = np.arange(len(split))
        size = self.classifier.batch
        chunks = (list(split.gather(rows[start : start + size])) for start in range(0, len(rows), size))
        return self._computed(chunks, advance)

    def of_foreign(self, kind: ForeignKind, advance: Advance) -> ModelOutputs:
        """Outputs for foreign pictures; those that can't be decoded are left out, with a notice.

        Raises:
            RequestError: too few can be decoded.
        """
        flat: list[bool] = []
        pixels = self._decoded(kind, flat)
        found = self._computed(iter(lambda: list(islice(pixels, self.classifier.batch)), []), advance)
        if len(found) < FEWEST:
            raise RequestError(
                f"Only {len(found)} of the {len(kind.pictures)} pictures of {kind.source} can be read, and at least "
                f"{FEWEST} are needed. Give a folder with more: --foreign FOLDER"
            )
        if lost := len(kind.pictures) - len(found):
            self.notices.append(f"{lost} pictures of {kind.source} can't be read, and are left out.")
        if blank := sum(flat):
            self.notices.append(
                f"{blank} of {len(flat)} pictures of {kind.source} have 8 bits, or other values than the training "
                "images, so that they seem blank to the model, and any detector finds them. Give pictures of the "
                "depth and unit of the training images: --foreign FOLDER"
            )
        return found

    def known(self, split: Split, outputs: ModelOutputs) -> KnownImages:
        """What detectors are fitted on."""
        labels = torch.from_numpy(np.asarray(split.labels)).long()
        weight, bias = self._last_layer() if self.has_embeddings else (None, None)
        return KnownImages(outputs.logits, outputs.embeddings, labels, weight, bias)

    def _decoded(self, kind: ForeignKind, flat: list[bool]) -> Iterator[Pixels]:
        """Pixels of the pictures that can be decoded; ``flat`` gets, for each, whether it seems blank to the model."""
        for picture in kind.pictures:
            try:
                pixels = self.classifier.pixels(_in_window(picture, self.classifier.preprocessing.window))
            except BadImage:
                continue
            flat.append(other_unit(pixels, self.classifier.preprocessing.window) is not None)
            yield pixels

    def _computed(self, chunks: Iterable[list[Pixels]], advance: Advance) -> ModelOutputs:
        logits, embeddings = [], []
        for chunk in chunks:
            found = self.classifier.compute(chunk, embeddings=self.has_embeddings)
            logits.append(found.logits)
            embeddings.append(found.embeddings)
            advance(len(chunk))
        kept = [each for each in embeddings if each is not None]
        return ModelOutputs(torch.cat(logits) if logits else torch.empty(0, 2), torch.cat(kept) if kept else None)

    def _has_embeddings(self) -> bool:
        shape = self.classifier.preprocessing
        black = np.zeros((shape.image_size, shape.image_size, shape.in_chans), np.uint8)
        try:
            self.classifier.embed([black])
        except RequestError as error:
            self.notices.append(f"Only detectors on logits were fitted: {error}")
            return False
        return True

    def _last_layer(self) -> tuple[Tensor | None, Tensor | None]:
        """Weight (C, D) and bias (C,) of the last layer; None where it is not linear."""
        model, shape = self.classifier.model, self.classifier.preprocessing
        example = blank(model, shape.in_chans, shape.image_size).to(self.classifier.execution.device)
        layer = model.get_submodule(find_head(model, example))
        if not isinstance(layer, nn.Linear):
            return None, None
        bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach().float().cpu()
        return layer.weight.detach().float().cpu(), bias


def _in_window(picture: Any, window: Sequence[float] | str | None) -> Any:
    """A generated picture of 8 bits with its 0 to 255 in the window of a model; the path of a file stays."""
    if window is None or isinstance(picture, Path):
        return picture
    low, high = (0.0, 1.0) if isinstance(window, str) else (window[0], window[1])
    unit = np.asarray(picture.convert("RGB"), np.float32) / 255
    return PictureValues(np.moveaxis(unit * (high - low) + low, 2, 0), (low, high))


def _drawn(split: Split) -> Split:
    if len(split) <= MOST:
        return split
    return split.part(split.name, np.sort(np.random.default_rng(0).permutation(len(split))[:MOST]))


def scored(detector: Any, outputs: ModelOutputs) -> np.ndarray[Any, Any]:
    """Scores (N,) of a fitted detector."""
    given = (outputs.logits, outputs.embeddings) if detector.needs_embeddings else (outputs.logits,)
    with torch.inference_mode():
        found: np.ndarray[Any, Any] = detector(*given).float().numpy()
    return found
