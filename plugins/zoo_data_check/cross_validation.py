"""Class probabilities of networks that are trained on the data themselves, by cross-validation."""

from __future__ import annotations

import hashlib
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api import run
from zoo.api.images import read_item
from zoo.api.running import Observer, TooShort, read_predictions
from zoo.errors import RequestError
from zoo_data_check.scan import Scan

__all__ = ["CrossValidation", "JudgedImages", "trained_probabilities"]

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class CrossValidation:
    """How the networks are trained.

    Args:
        architecture: name of the architecture, whose default recipe is used.
        seconds: time for all folds together.
        folds: number of folds; each is judged by a network that was trained on the others.
        seed: seed of the folds and of the networks.
        device: as in a job.
    """

    architecture: str
    seconds: float
    folds: int = 5
    seed: int = 0
    device: str = "auto"


class JudgedImages:
    """Images of a scan as a dataset for training.

    Args:
        seen: all decoded images.
        rows: (m,), rows of the images.
        labels: (m,), indices into ``classes``.
        groups: (m,), groups that stay in one fold.
        classes: names of the classes.
    """

    def __init__(self, seen: Scan, rows: Numbers, labels: Numbers, groups: Numbers, classes: Sequence[str]):
        self.classes, self.targets, self.groups = list(classes), labels.tolist(), [str(g) for g in groups]
        self.datasets = list(seen.datasets.values())
        self.split, self.index = seen.split[rows], seen.index[rows]
        whole = hashlib.sha256(repr((self.classes, self.targets)).encode())
        for row in rows:
            whole.update(seen.facts[row].digest)
        self.fingerprint = whole.hexdigest()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        item, _ = read_item(self.datasets[self.split[index]], int(self.index[index]))
        return item, self.targets[index]


def trained_probabilities(images: JudgedImages, how: CrossValidation, observer: Observer) -> Floats:
    """Train a network for each fold, and return the probabilities of the images that it was not trained on.

    Args:
        observer: receives the progress, fold by fold.

    Returns:
        float32 (m, K): calibrated probabilities.

    Raises:
        RequestError: the time is too short, or there are too few groups.
    """
    probs = np.zeros((len(images), len(images.classes)), np.float32)
    ends = time.monotonic() + how.seconds
    with tempfile.TemporaryDirectory(prefix="zoo-data-check-") as out:
        for fold in range(1, how.folds + 1):
            observer.preparing("training on other folds", fold - 1, how.folds)
            budget = (ends - time.monotonic()) / (how.folds - fold + 1)
            folder = _trained(images, how, fold, budget, Path(out))
            kept = read_predictions(folder, "val")
            held = [int(name.rpartition(" ")[2]) for name in kept.names]  # of images without a file: image 12
            columns = [kept.classes.index(name) for name in images.classes]
            probs[held] = kept.probabilities[:, columns]
    observer.preparing("training on other folds", how.folds, how.folds)
    return probs


def _trained(images: JudgedImages, how: CrossValidation, fold: int, budget: float, out: Path) -> Path:
    """Train the network of a fold, and return the folder of its run."""
    try:
        result = run(
            how.architecture,
            images,
            set={"data.folds": how.folds, "data.fold": fold},
            out=out,
            name=f"fold{fold}",
            budget=max(budget, 1.0),
            observer=Observer(),
            seed=how.seed,
            device=how.device,
        )
    except TooShort as error:
        least = math.ceil(how.folds * error.least_s / 60)
        raise RequestError(
            f"--train {how.seconds:g}s is too short for {how.folds} trainings of {how.architecture} on "
            f"{len(images):,} images on this machine. Type: --train {least}m, or fewer --folds"
        ) from error
    return result.dir
