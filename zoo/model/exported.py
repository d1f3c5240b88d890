"""Exported files in use: read by their own runtime, and wrapped as networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.data.decode import Pixels, framed
from zoo.engine.task import DETAILS, task_of_card
from zoo.errors import BundleError, RequestError, ZooError
from zoo.model.bundle import Preprocessing, check_card, new_network
from zoo.model.formats import artifact_at, reader_of
from zoo.registry.entry import Entry
from zoo.registry.registry import Registry
from zoo.registry.signature import accepts

__all__ = ["Artifact", "AsNetwork", "as_network", "open_artifact", "open_file"]

_LEAST = 1e-30
"""Lower bound of probabilities before the logarithm."""


class Artifact(Protocol):
    """Interface of an exporter's reader: an exported model.

    Of a file that also computes the scores of attachments of the bundle, it has ``scored``, their names, and a method
    ``scores(images)``, which returns the probabilities and a dict of the scores, (N,) float32 each. Of a regression
    with quantiles it may have a method ``quantiles(images)``, which returns (N, K, 3): the lowest, the value, and the
    highest.
    """

    card: dict[str, Any]

    def __call__(self, images: Pixels) -> NDArray[np.float32]:
        """Predict the probabilities, or the values, (N, K) of images (N, H, W, C) of any size: uint8, or
        float32 of a model with a window."""


class AsNetwork(nn.Module):
    """Module around an artifact: images (N, C, size, size) float in 0..1 -> logits, or standardised values, (N, K).

    Of an artifact with quantiles the outputs are those, (N, K · 3).

    The logits are computed from the artifact's probabilities, so that their sum per row is arbitrary.

    Args:
        artifact: the exported model.
        card: card of its bundle.
    """

    def __init__(self, artifact: Artifact, card: Mapping[str, Any]):
        super().__init__()
        image = Preprocessing(**card["preprocessing"])
        self.artifact, self.shape, self.window = artifact, image.shape, image.window
        self.task, self._quantiles = task_of_card(card), getattr(artifact, "quantiles", None)
        self.temperature = 1.0 if self.task.multilabel else float(card.get("temperature", 1.0))

    def __deepcopy__(self, memo: object) -> AsNetwork:
        return self  # no mutable weights, and the runtime can't be copied

    def forward(self, images: Tensor) -> Tensor:
        return self._answered(self._pixels(images)).to(images.device)

    @property
    def scored_names(self) -> tuple[str, ...]:
        """Names of the attachments whose scores the artifact computes."""
        return tuple(getattr(self.artifact, "scored", ()))

    def scored(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs as of a call, and the scores (N,) of attachments by name."""
        artifact: Any = self.artifact
        pixels = self._pixels(images)
        answer, scores = artifact.scores(pixels)
        outputs = self._logits(answer) if self._quantiles is None else self._answered(pixels)
        return outputs, {name: torch.from_numpy(each).float() for name, each in scores.items()}

    def _answered(self, pixels: Pixels) -> Tensor:
        """Logits (N, K), standardised values (N, K), or their quantiles (N, K · 3)."""
        if self._quantiles is None:
            return self._logits(self.artifact(pixels))
        planes = [self._logits(plane) for plane in np.moveaxis(self._quantiles(pixels), 2, 0)]
        return torch.stack(planes, dim=2).flatten(1)

    def _pixels(self, images: Tensor) -> Pixels:
        planes = images.float()
        if self.window is None:
            planes = (planes * 255).round().to(torch.uint8)
        elif self.window != "dicom":
            low, high = self.window
            planes = planes * (high - low) + low
        return framed(planes.permute(0, 2, 3, 1).cpu().contiguous().numpy(), self.shape)

    def _logits(self, answer: NDArray[np.float32]) -> Tensor:
        """Outputs of the network, of which the file computes probabilities or values."""
        found = torch.from_numpy(answer).float()
        if not self.task.classifies:
            return torch.as_tensor(self.task.standardise(found))
        probs = found.clamp(_LEAST, 1)
        return probs.logit(1e-7) if self.task.multilabel else probs.log() * self.temperature


def as_network(artifact: Artifact, device: str = "auto") -> tuple[AsNetwork, dict[str, Any]]:
    """Wrap an artifact as a network, and adapt its card.

    The artifact contains the normalisation and the reading of the network's outputs, uses a single view, and has no
    familiarity score.

    Raises:
        RequestError: the device is not the CPU.
    """
    if device not in ("auto", "cpu"):
        raise RequestError(f"Exported files run on the CPU only, not on {device!r}. Leave out --device.")
    card = {name: value for name, value in artifact.card.items() if name not in ("familiar", "tta")}
    card["preprocessing"] = {**card["preprocessing"], "mean": [0.0], "std": [1.0]}
    if DETAILS in card:
        card[DETAILS] = {name: value for name, value in card[DETAILS].items() if name != "link"} | _link_of(artifact)
    return AsNetwork(artifact, artifact.card), card


def _link_of(artifact: Artifact) -> dict[str, Any]:
    """How the outputs of :class:`AsNetwork` are read, where they are not the answers: the value is the second of three.

    The levels are not those of the run, of which two may be equal.
    """
    return {"link": {"kind": "quantiles", "levels": [0.25, 0.5, 0.75]}} if hasattr(artifact, "quantiles") else {}


def open_file(word: str | Path, registry: Registry) -> Artifact:
    """Open an exported file or folder with the reader of its exporter.

    Args:
        word: the path, or another word that :func:`zoo.model.formats.artifact_at` resolves.
        registry: registry of the exporters.

    Raises:
        RequestError: no exporter reads files of this name, or several do.
        BundleError: the file is damaged.
    """
    entry, path = reader_of(word, registry), artifact_at(word, registry)
    if entry is None:
        raise RequestError(f"{word} can't be read by any exporter. See: zoo list exporter")
    return open_artifact(entry, path or Path(word), registry)


def open_artifact(entry: Entry, path: Path, registry: Registry) -> Artifact:
    """Open a file with the reader of a given exporter.

    Raises:
        BundleError: the file is damaged, or not written by the zoo.
        ZooError: raised by the reader, for example for a missing package.
    """
    component: Any = entry.component
    reader: Callable[..., Artifact] = entry.attribute(component.reader)
    given = {"build": lambda card: new_network(card, registry, path)} if accepts(reader, "build") else {}
    try:
        artifact = reader(path, **given)
    except ZooError:
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise BundleError(
            f"{path} can't be read as {component.name}: {type(error).__name__}: {first} Export it again: zoo export "
            f"RUN --format {component.name}"
        ) from error
    check_card(artifact.card, path)
    return artifact
