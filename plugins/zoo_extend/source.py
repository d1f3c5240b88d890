"""The run to extend: its job, its bundle, and what rules it out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.compute import MULTI_LABEL, NONE, SINGLE_LABEL
from zoo.api.jobs import Registry, Resolved, resolve
from zoo.api.models import Preprocessing, artifact_at, find_bundle, find_model, read_card
from zoo.api.running import request_of
from zoo.errors import RequestError
from zoo.runs import JOB, WEIGHTS, is_run
from zoo.storage import sha256_of

__all__ = ["SourceRun", "find_source"]

DROPPED = {"attachments": "attachments (detectors, calibration data)"}
"""Entries of a bundle that hold for its own classes alone, and their names in messages."""


@dataclass(frozen=True)
class SourceRun:
    """A run that is extended.

    Args:
        folder: its folder.
        bundle: folder of its bundle.
        card: content of the bundle's zoo.json.
        resolved: its job.
        sha256: SHA-256 of its weights.
    """

    folder: Path
    bundle: Path
    card: Mapping[str, Any]
    resolved: Resolved
    sha256: str

    @property
    def classes(self) -> list[str]:
        """Names of the old classes, in the order of the logits."""
        return list(self.card["classes"])

    @property
    def notices(self) -> list[str]:
        """What the extended run doesn't take over."""
        name, tta = self.folder.name, self.card.get("tta", NONE)
        views = f"{name} predicts with test-time augmentation, the new run with a single view. To use it: --tta {tta}"
        lost = [
            f"The {what} of {name} are for its own classes; they are not taken over."
            for entry, what in DROPPED.items()
            if self.card.get(entry)
        ]
        return [*lost, *([] if tta == NONE else [views])]


def find_source(run: str | Path, registry: Registry, data: Path | None, device: str | None) -> SourceRun:
    """Find a run that can be extended.

    Args:
        data: folder of its dataset, where it has moved.
        device: device of the features; by default the job's.

    Raises:
        RequestError: there is no such run, or it can't be extended; the message says why.
    """
    if (file := artifact_at(run, registry)) is not None:
        raise RequestError(
            f"{file} is an exported file, which has no last layer to extend. Extend its run, and export the result."
        )
    folder = find_model(str(run), registry)
    if not (folder / JOB).is_file():
        raise RequestError(_without_job(folder, run))
    bundle = find_bundle(folder)
    card = read_card(bundle)
    task = card.get("task", SINGLE_LABEL.name)
    if task != SINGLE_LABEL.name:
        raise RequestError(f"zoo extend adds classes to single-label models, and {folder} is {task}.{_why(task)}")
    asked = {"data": data, "device": device}
    resolved = resolve(request_of(folder, card, {k: v for k, v in asked.items() if v is not None}), registry)
    window = Preprocessing(**card["preprocessing"]).window or "8-bit"
    return SourceRun(folder, bundle, card, _measurable(resolved, window), sha256_of(bundle / WEIGHTS))


def _why(task: str) -> str:
    """Why a multi-label model has to be trained again; empty for other tasks."""
    if task != MULTI_LABEL.name:
        return ""
    return (
        " Whether a new label holds for the images of a multi-label model is unknown: label them, and train with "
        "--weights RUN."
    )


def _measurable(resolved: Resolved, window: Any) -> Resolved:
    """The job with the window of the model, and without test-time augmentation, since features are of a single view."""
    data = resolved.job.data.model_copy(update={"window": window})
    return dataclasses.replace(resolved, job=resolved.job.model_copy(update={"tta": NONE, "data": data}))


def _without_job(folder: Path, run: str | Path) -> str:
    what = "was imported and" if is_run(folder) else "is not the folder of a run: it"
    return (
        f"{folder} {what} has no {JOB}, so its images are unknown; zoo extend needs them to distinguish its classes "
        f"from the new one. Train a run from it first: zoo run ARCHITECTURE FOLDER --weights {run} --freeze backbone"
    )
