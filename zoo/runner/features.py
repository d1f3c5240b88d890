"""Features of a frozen backbone, computed once and cached per user, for every head that is trained on them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.batches import Batches
from zoo.data.split import Split
from zoo.engine.execution import Execution
from zoo.engine.features import compute_features
from zoo.job.resolve import Resolved
from zoo.model.bundle import preprocessing_of
from zoo.runner.environment import versions
from zoo.runner.observer import Observer
from zoo.storage.files import atomic, cache_folder, cannot_write


def feature_store(
    resolved: Resolved, model: nn.Module, head: str, execution: Execution, observer: Observer
) -> FeatureStore:
    """The store of a job's features: every job with the same backbone, preprocessing and images shares them.

    Args:
        model, head, execution, observer: see :class:`FeatureStore`.
    """
    made = {**resolved.entry("architecture").provenance(), "params": resolved.job.architecture.params}
    recipe = {"architecture": made, "preprocessing": preprocessing_of(resolved.job), "versions": versions()}
    return FeatureStore(model, head, recipe, execution, observer)


class FeatureStore:
    """Computes and caches features by split.

    Args:
        model: network that is frozen except for its head.
        head: module path of the head.
        recipe: everything besides weights and images that the features depend on: architecture, preprocessing,
            versions.
        execution: device and precision of the computation.
        observer: receives the progress.
    """

    def __init__(self, model: nn.Module, head: str, recipe: dict[str, Any], execution: Execution, observer: Observer):
        self.model, self.head, self.execution, self.observer = model, head, execution, observer
        self._key = hashlib.blake2b(json.dumps(recipe, sort_keys=True, default=str).encode(), digest_size=16)
        self._key.update(f"{execution.device.type} {execution.dtype}".encode())
        for name, tensor in sorted(model.state_dict().items()):
            if not name.startswith(f"{head}."):
                self._key.update(name.encode())
                self._key.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())

    def of(self, split: Split, batches: Batches) -> Tensor:
        """Features (N, …) float32 of a split's images, on the device."""
        path = self._path(split)
        found = _read(path, len(split)) if path else None
        if found is None:
            told = self.observer.preparing
            found = compute_features(
                self.model,
                self.head,
                batches,
                self.execution,
                lambda seen: told(f"computing {split.name} features", seen, len(split)),
            )
            if path:
                _write(path, found)
        return found.to(self.execution.device)

    def _path(self, split: Split) -> Path | None:
        if not split.fingerprint:
            return None
        key = self._key.copy()
        key.update(split.fingerprint.encode())
        return cache_folder() / "features" / f"{key.hexdigest()}.npy"


def _read(path: Path, count: int) -> Tensor | None:
    """Read cached features (N, …); None where they are missing, damaged or of another number of images."""
    try:
        features = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # `zoo cache prune` uses the access time
    return torch.from_numpy(features) if len(features) == count and features.dtype == np.float32 else None


def _write(path: Path, features: Tensor) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    with atomic(path) as file:
        np.save(file, features.numpy())
