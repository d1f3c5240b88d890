"""Files that exporters have written, in use: read back by their own runtime, and called as the zoo's networks are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.data.decode import Pixels, framed
from zoo.engine.task import task_named
from zoo.errors import BundleError, RequestError, ZooError
from zoo.model.bundle import Preprocessing, check_card, new_network
from zoo.model.formats import reader_of
from zoo.registry.entry import Entry
from zoo.registry.registry import Registry
from zoo.registry.signature import accepts

__all__ = ["Artifact", "AsNetwork", "as_network", "open_artifact", "open_file"]

_LEAST = 1e-30
"""Of a probability, before its logarithm is taken."""


class Artifact(Protocol):
    """What an exporter's reader returns."""

    card: dict[str, Any]

    def __call__(self, images: Pixels) -> NDArray[np.float32]:
        """uint8 (N, H, W, C) of any size -> probabilities (N, K)."""


class AsNetwork(nn.Module):
    """An artifact in a network's place: images (N, C, size, size) float in 0..1 -> logits (N, K).

    The logits are those of the artifact's probabilities: what is added to all of a row can't be known.

    Args:
        artifact: as its reader returns it.
        card: of its bundle.
    """

    def __init__(self, artifact: Artifact, card: Mapping[str, Any]):
        super().__init__()
        self.artifact, self.shape = artifact, Preprocessing(**card["preprocessing"]).shape
        self.multilabel = task_named(card.get("task", "")).multilabel
        self.temperature = 1.0 if self.multilabel else float(card.get("temperature", 1.0))

    def __deepcopy__(self, memo: object) -> AsNetwork:
        return self  # it has no weights that could be changed, and its runtime can't be copied

    def forward(self, images: Tensor) -> Tensor:
        pixels = (images.float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().contiguous()
        probs = torch.from_numpy(self.artifact(framed(pixels.numpy(), self.shape))).float().clamp(_LEAST, 1)
        logits = probs.logit(1e-7) if self.multilabel else probs.log() * self.temperature
        return logits.to(images.device)


def as_network(artifact: Artifact, device: str = "auto") -> tuple[AsNetwork, dict[str, Any]]:
    """An artifact in a network's place, and its card for that.

    Normalisation is in the artifact, it looks once at each image, and how familiar one is can't be told.

    Raises:
        RequestError: the device is another than the CPU.
    """
    if device not in ("auto", "cpu"):
        raise RequestError(f"An exported file is computed on the CPU here, not on {device!r}. Leave --device out.")
    card = {name: value for name, value in artifact.card.items() if name not in ("familiar", "tta")}
    card["preprocessing"] = {**card["preprocessing"], "mean": [0.0], "std": [1.0]}
    return AsNetwork(artifact, artifact.card), card


def open_file(path: Path, registry: Registry) -> Artifact:
    """Read a file by the exporter that writes such files.

    Raises:
        RequestError: no exporter reads files of this name.
        BundleError: it is damaged.
    """
    entry = reader_of(path, registry)
    if entry is None:
        raise RequestError(f"{path} is not a file that an exporter here can read. See: zoo list exporter")
    return open_artifact(entry, path, registry)


def open_artifact(entry: Entry, path: Path, registry: Registry) -> Artifact:
    """Read a file by its exporter's reader.

    Raises:
        BundleError: it is damaged, or the zoo did not write it.
        ZooError: what else the reader says: a package that is missing.
    """
    component: Any = entry.component
    module, _, attribute = component.reader.partition(":")
    found: Any = import_module(module)
    reader: Callable[..., Artifact] = reduce(getattr, attribute.split("."), found)
    given: dict[str, Any] = {}
    if accepts(reader, "build"):
        given["build"] = lambda card: new_network(card, registry, path)
    try:
        artifact = reader(path, **given)
    except ZooError:
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise BundleError(
            f"{path} can't be read as {component.name}: {type(error).__name__}: {first} Write it again: zoo export RUN "
            f"--format {component.name}"
        ) from error
    check_card(artifact.card, path)
    return artifact
