"""A run's predictions for each image of a split, stored with the result, so that runs can be compared image by image.

``predictions_val.npz`` (and ``_test``) is read without pickle. Its entries are ``about`` (UTF-8 JSON: ``names``,
``classes``, ``temperature``, and ``columns`` where an analysis stored values of the images), ``targets`` (N,) int64 or,
of a multi-label task, (N, K) bool, ``predicted`` (N,) int64 of a single-label task, and ``logits`` (N, K) float32, or
float16 where there are more than four million. Of a regression, ``targets`` and ``logits`` are values (N, K) float32 in
the unit of the data.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.errors import RequestError
from zoo.storage.files import atomic, open_plain

__all__ = [
    "Columns",
    "Predictions",
    "forget_predictions",
    "predictions_file",
    "read_predictions",
    "relative_names",
    "split_of",
    "write_predictions",
]

Columns = Mapping[str, Sequence[str]]
"""Values of the N images by name."""
EXACT = 4_000_000
"""Number of logits above which float16 is stored: 50,000 images of 1,000 classes take 100 MB."""


@dataclass(frozen=True)
class Predictions:
    """The predictions for a split's images.

    Args:
        names: names of the N images.
        classes: names of the K classes.
        targets: (N,) int64; of a multi-label task (N, K) bool; of a regression (N, K) float32.
        predicted: likewise.
        logits: (N, K) float32; of a regression the predicted values.
        temperature: divisor of the logits before the softmax or sigmoid.
        columns: values of the N images by name, that an analysis stored.
    """

    names: list[str]
    classes: list[str]
    targets: NDArray[Any]
    predicted: NDArray[Any]
    logits: NDArray[np.float32]
    temperature: float = 1.0
    columns: Columns = field(default_factory=dict)

    @property
    def multilabel(self) -> bool:
        """True where an image can have several labels."""
        return self.targets.dtype == np.bool_

    @property
    def has_values(self) -> bool:
        """True for a regression."""
        return self.targets.dtype.kind == "f"

    @property
    def errors(self) -> NDArray[np.float64]:
        """Absolute error of each image of a regression, (N,): the mean over the values."""
        found: NDArray[np.float64] = np.abs(self.logits.astype(np.float64) - self.targets).mean(axis=1)
        return found

    @property
    def right(self) -> NDArray[np.bool_]:
        """Correctness of each prediction (N,) bool; of a multi-label task all labels must be correct."""
        same: NDArray[np.bool_] = self.predicted == self.targets
        return np.asarray(same.all(axis=1)) if self.multilabel else same

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Calibrated probabilities (N, K) in 0..1, as ``zoo predict`` shows them."""
        scaled = self.logits.astype(np.float64) / self.temperature
        if self.multilabel:
            return np.asarray(0.5 * (1 + np.tanh(scaled / 2)))  # a sigmoid that can't overflow
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Calibrated probability of the predicted class, (N,), of a task with one label."""
        probs = self.probabilities
        return np.asarray(probs[np.arange(len(probs)), self.predicted])

    def part(self, rows: NDArray[np.int64]) -> Predictions:
        """Select the images at ``rows``, in this order."""
        names = [self.names[i] for i in rows]
        arrays = self.targets[rows], self.predicted[rows], self.logits[rows]
        columns = {name: [values[i] for i in rows] for name, values in self.columns.items()}
        return Predictions(names, self.classes, *arrays, self.temperature, columns)


def predictions_file(folder: Path, split: str) -> Path:
    """Path of a split's predictions in a run's folder."""
    return folder / f"predictions_{split}.npz"


def forget_predictions(folder: Path) -> None:
    """Remove the stored predictions of a model that is about to be trained further."""
    for path in folder.glob("predictions_*.npz"):
        path.unlink(missing_ok=True)


def split_of(folder: Path, asked: str | None) -> str:
    """Name of the requested split, by default test if its predictions are stored, else val.

    Raises:
        RequestError: no predictions of the split are stored.
    """
    there = [name for name in ("test", "val") if predictions_file(folder, name).is_file()]
    wanted = asked or next(iter(there), "val")
    if not predictions_file(folder, wanted).is_file():
        kept = f" (it has: {', '.join(there)})" if there else ""
        raise RequestError(
            f"{folder} has no predictions of the {wanted} images{kept}: it has not finished, or is from an older "
            f"zoo. To compute them: zoo evaluate {folder} --split {wanted} --keep"
        )
    return wanted


def relative_names(names: Sequence[str], root: object) -> list[str]:
    """Names of images, relative to the folder of their dataset where they start with it."""
    start = f"{str(root).rstrip('/')}/" if root else ""
    return [str(name).removeprefix(start) for name in names]


def write_predictions(
    folder: Path,
    split: str,
    names: Sequence[str],
    classes: Sequence[str],
    logits: Any,
    targets: Any,
    temperature: float = 1.0,
    columns: Columns | None = None,
) -> None:
    """Write the predictions of a split, atomically.

    Args:
        names: names of the N images.
        logits: (N, K) float tensor; of a regression the predicted values.
        targets: (N,) int64 tensor; of a multi-label task (N, K) float32 of 0 and 1; of a regression float64 (N, K).
        columns: values of the N images by name, of analyses.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    scores = logits.detach().float().cpu().numpy()
    arrays, values = {"targets": targets.cpu().numpy()}, targets.dtype is torch.float64
    if targets.ndim == 1:
        arrays["predicted"] = scores.argmax(axis=1)
    else:
        arrays["targets"] = arrays["targets"].astype(np.float32) if values else arrays["targets"] >= 0.5
    if scores.size > EXACT and not values:
        most = np.finfo(np.float16).max
        scores = scores.clip(-most, most).astype(np.float16)
    about = {
        "names": [str(name) for name in names],
        "classes": list(classes),
        "temperature": temperature,
        **({"columns": {name: list(column) for name, column in columns.items()}} if columns else {}),
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode("ascii"), np.uint8)
    with atomic(predictions_file(folder, split)) as file:
        np.savez_compressed(file, logits=scores, **arrays)


def read_predictions(folder: Path, split: str) -> Predictions:
    """Read the predictions of a split.

    Raises:
        RequestError: there are none, or the file is damaged.
    """
    path = predictions_file(folder, split_of(folder, split))
    try:
        with open_plain(path) as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays["about"].tobytes())
        logits, targets = arrays["logits"].astype(np.float32), arrays["targets"]
        predicted = arrays["predicted"] if targets.ndim == 1 else logits if targets.dtype.kind == "f" else logits >= 0
        heat, columns = float(about["temperature"]), about.get("columns", {})
        found = Predictions(about["names"], about["classes"], targets, predicted, logits, heat, columns)
        if logits.shape != (len(found.names), len(found.classes)) or len(targets) != len(logits) != 0:
            raise ValueError(f"{len(found.names)} names, {logits.shape} logits")
        if odd := [name for name, values in columns.items() if len(values) != len(found.names)]:
            raise ValueError(f"{len(found.names)} names, {len(columns[odd[0]])} values of {odd[0]}")
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RequestError(
            f"{path} is damaged ({type(error).__name__}: {error}). Compute it again: zoo evaluate {folder} --split "
            f"{split} --keep"
        ) from error
    return found
