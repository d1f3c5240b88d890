"""Files that exporters have written, in use: read back by their own runtime, and called as the zoo's networks are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.bundle import Preprocessing, check_card, new_network
from zoo.data.decode import Pixels, framed
from zoo.engine.task import task_named
from zoo.entry import Entry
from zoo.errors import BundleError, ZooError
from zoo.registry import Registry
from zoo.signature import accepts

if TYPE_CHECKING:
    from zoo.plugin import Exporter

__all__ = ["Artifact", "AsNetwork", "open_artifact", "reader_of", "suffix_of", "used_card"]

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

    def forward(self, images: Tensor) -> Tensor:
        pixels = (images.float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().contiguous()
        probs = torch.from_numpy(self.artifact(framed(pixels.numpy(), self.shape))).float().clamp(_LEAST, 1)
        logits = probs.logit(1e-7) if self.multilabel else probs.log() * self.temperature
        return logits.to(images.device)


def used_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """The card of an artifact in a network's place: normalisation is in it, and energies can't be told."""
    shape = {**card["preprocessing"], "mean": [0.0], "std": [1.0]}
    return {**{name: value for name, value in card.items() if name != "familiar"}, "preprocessing": shape}


def suffix_of(component: Exporter) -> str:
    """What an exporter's files end with."""
    return component.suffix or f".{component.name}"


def reader_of(path: Path, registry: Registry) -> Entry | None:
    """The exporter whose files are called as this one, and which can read them; bundled ones first."""
    able = [e for e in registry.entries("exporter") if _reads(e.component, path)]
    return next((e for e in able if e.origin.bundled), able[0] if able else None)


def _reads(component: Any, path: Path) -> bool:
    return component.reader is not None and path.name.endswith(suffix_of(component))


def open_artifact(entry: Entry, path: Path, registry: Registry) -> Artifact:
    """Read a file by its exporter's reader.

    Raises:
        BundleError: it is damaged, or the zoo did not write it.
        ZooError: what else the reader says: a package that is missing.
    """
    component: Any = entry.component
    module, _, attribute = component.reader.partition(":")
    reader: Callable[..., Artifact] = reduce(getattr, attribute.split("."), import_module(module))  # type: ignore[arg-type]
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
