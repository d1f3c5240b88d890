"""Convert an importer's result to a model of the zoo in a folder, and compare it with the original file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zoo.api.compute import MULTI_LABEL, SINGLE_LABEL, choose_execution
from zoo.api.images import Pixels, framed
from zoo.api.jobs import Registry
from zoo.api.models import (
    SCHEMA,
    Classifier,
    Preprocessing,
    build_model,
    check_card,
    copied_weights,
    count_parameters,
    open_artifact,
    suffix_of,
    write_card,
    write_weights,
)
from zoo.api.running import versions
from zoo.errors import BundleError, ContractError, ExportError, RequestError
from zoo.plugin import Imported
from zoo.runs import MODEL
from zoo.storage import cannot_write, is_write_error
from zoo_export.import_fitting import load, noise, preprocessing

__all__ = ["TOLERANCE", "Keeping"]

Telling = Callable[[str], None]
TOLERANCE = 1e-4
"""Maximum difference of probabilities between the converted model and the original."""
IMAGES = 8
"""Number of noise images for the comparison."""


@dataclass(frozen=True)
class Keeping:
    """The conversion of an importer's result into a folder.

    Args:
        found: result of the importer.
        classes: class names, in output order.
        asked: the user's preprocessing options.
        source: provenance of the file.
        registry: provides architectures and exporters.
        home: the folder, which is empty.
        tell: receives a line for each step.
    """

    found: Imported
    classes: list[str]
    asked: Mapping[str, Any]
    source: Mapping[str, Any]
    registry: Registry
    home: Path
    tell: Telling

    def weights(self) -> dict[str, Any]:
        """Convert the weights of an architecture to a bundle, and return the record of the import."""
        found = self.found
        entry = self.registry.find("architecture", found.architecture)
        shape, notices = preprocessing(found, vars(entry.component), self.asked)
        with torch.random.fork_rng(devices=[]):
            network = build_model(entry, dict(found.params), len(self.classes), found.in_chans, shape.image_size)
        load(network, found.tensors or {}, entry.id, self.source["file"])
        about = {"architecture": {**entry.provenance(), "params": dict(found.params)}}
        card = self._card(
            shape, {**about, "provenance": {"architecture": entry.provenance()}}, count_parameters(network)
        )
        agreed = None
        if found.answer is not None:
            classifier = Classifier(network, card, choose_execution("cpu", "fp32", "channels_first"))
            agreed = self._check_agreement(lambda pixels: classifier.probabilities(list(pixels)).numpy(), card)
        (self.home / MODEL).mkdir()
        write_weights(self.home / MODEL, copied_weights(network))
        write_card(self.home / MODEL, card)
        return self._document(card, MODEL, agreed, notices)

    def file(self) -> dict[str, Any]:
        """Convert a self-contained model file, and return the record of the import."""
        found = self.found
        if found.write is None:
            raise ContractError(
                f"importer {self.source['importer']!r} returned neither tensors nor a function to write a file"
            )
        exporter = self.registry.find("exporter", found.format)
        shape, notices = preprocessing(found, {}, self.asked)
        card = self._card(shape, {"architecture": {"id": found.architecture, "params": {}}}, None)
        path = self.home / f"{MODEL}{suffix_of(exporter.component)}"
        self.tell(f"writing {path.name}")
        try:
            found.write(path, card)
        except OSError as error:
            if is_write_error(error):
                raise cannot_write(self.home.parent, error) from error
            raise
        artifact = open_artifact(exporter, path, self.registry)
        agreed = self._check_agreement(lambda pixels: artifact(framed(pixels, shape.shape)), card)
        return {**self._document(card, path.name, agreed, notices), "exporter": exporter.id}

    def _card(self, shape: Preprocessing, about: Mapping[str, Any], parameters: int | None) -> dict[str, Any]:
        task = MULTI_LABEL if self.found.multilabel else SINGLE_LABEL
        card = {
            "classes": self.classes,
            "task": task.name,
            **({"thresholds": [0.5] * len(self.classes)} if task.multilabel else {}),
            "preprocessing": {k: list(v) if isinstance(v, tuple) else v for k, v in vars(shape).items()},
            **about,
            "parameters": parameters,
            "imported": {**self.source, "details": dict(self.found.details)},
            "versions": versions(),
        }
        try:
            check_card({"schema": SCHEMA, **card}, Path(self.source["file"]))
        except BundleError as error:
            raise RequestError(f"Invalid preprocessing: {error}") from error
        return {"schema": SCHEMA, **card}

    def _check_agreement(self, kept: Callable[[Pixels], Any], card: Mapping[str, Any]) -> dict[str, Any] | None:
        """Compare the predictions of the converted model and the original on noise.

        Raises:
            ExportError: they differ.
        """
        if self.found.answer is None:
            return None
        shape = card["preprocessing"]
        self.tell(f"comparing with the file on {IMAGES} images of noise")
        pixels = noise(IMAGES, shape["image_size"], shape["in_chans"])
        mean, std = (np.asarray(shape[k], np.float32) for k in ("mean", "std"))
        images = np.ascontiguousarray(
            ((pixels.astype(np.float32) / np.float32(255) - mean) / std).transpose(0, 3, 1, 2)
        )
        wanted, got = np.asarray(self.found.answer(images)), np.asarray(kept(pixels))
        if wanted.shape != got.shape:
            raise ExportError(f"The import failed: its output has shape {got.shape}, that of the file {wanted.shape}.")
        largest = float(np.abs(wanted - got).max())
        if not largest < TOLERANCE:  # also True for NaN
            raise ExportError(
                f"{self.source['file']} was not imported: probabilities differ from those of the file by up to "
                f"{largest:.2g} (allowed: less than {TOLERANCE:g}). See: zoo import --help"
            )
        return {"images": IMAGES, "largest_difference": largest, "tolerance": TOLERANCE}

    def _document(
        self, card: dict[str, Any], place: str, agreed: dict[str, Any] | None, notices: list[str]
    ) -> dict[str, Any]:
        kept = ("classes", "task", "preprocessing", "parameters", "imported")
        return {
            "model": place,
            "architecture": card["architecture"]["id"],
            **{key: card[key] for key in kept},
            "check": agreed,
            "notices": [*self.found.notices, *notices],
        }
