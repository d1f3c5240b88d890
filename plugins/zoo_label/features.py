"""Features of the pool: those of a trained network, or gradients and colours without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.api.compute import choose_execution, find_head, keep_freed_memory
from zoo.api.images import Batches, Normalize, Pixels, Shape
from zoo.api.jobs import Registry, make_request, resolve
from zoo.api.models import Preprocessing, build_model, find_bundle, find_model, load_model, preprocessing_of
from zoo.api.running import FeatureStore, Observer, blank, load_weights, versions
from zoo.errors import RequestError
from zoo_label.embedder import EmbedderWithLogits
from zoo_label.head import BaseLogits
from zoo_label.images import PoolImages, decode_pool
from zoo_label.pool import Pool

__all__ = [
    "Extractor",
    "NetworkFeatures",
    "PlainFeatures",
    "PoolFeatures",
    "features_of_architecture",
    "features_of_run",
]

_BATCH = 64
_SIDE, _CELLS, _BINS = 64, 8, 9  # pixels, cells a side, and directions of a histogram of gradients


@dataclass(frozen=True)
class PoolFeatures:
    """Features of the pool's readable pictures.

    Args:
        rows: (n,), indices of the readable pictures in the pool.
        values: (n, D) float32.
        reference: logits of the trained model, of the same rows; None without one.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float32]
    reference: BaseLogits | None = None


class Extractor(Protocol):
    """Computes the features of a pool; ``words`` names their source, ``network`` the options to train it."""

    words: str
    network: Sequence[str]

    def of(self, pool: Pool, observer: Observer) -> PoolFeatures:
        """Compute the features, or read those of an earlier start from the cache."""


class PlainFeatures:
    """Histograms of oriented gradients (8 × 8 cells of 9 directions) and mean colours (4 × 4 cells).

    Source: N. Dalal & B. Triggs, Histograms of oriented gradients for human detection, CVPR 2005; here each cell is
    normalised with its image.
    """

    words = "gradients and colours, without a trained network"
    network: Sequence[str] = ("simple_cnn",)

    def of(self, pool: Pool, observer: Observer) -> PoolFeatures:
        """Features (n, 624) of the pool."""
        split, rows = decode_pool(pool, Shape(_SIDE, 3), observer, in_range=True)
        parts = [plain(split.gather(np.arange(i, min(i + _BATCH, len(split))))) for i in range(0, len(split), _BATCH)]
        return PoolFeatures(rows, np.concatenate(parts) if parts else np.zeros((0, 1), np.float32))


def plain(pixels: Pixels) -> NDArray[np.float32]:
    """Features (n, 624) of images (n, 64, 64, 3) uint8."""
    images = pixels.astype(np.float32) / 255
    grey = images @ np.array([0.299, 0.587, 0.114], np.float32)
    down, across = np.gradient(grey, axis=(1, 2))
    strength, angle = np.hypot(down, across), np.arctan2(down, across) % np.pi
    bins = np.minimum((angle / np.pi * _BINS).astype(np.int64), _BINS - 1)
    shape = (len(images), _CELLS, _SIDE // _CELLS, _CELLS, _SIDE // _CELLS)
    cells = [(strength * (bins == each)).reshape(shape).sum(axis=(2, 4)) for each in range(_BINS)]
    gradients = np.stack(cells, axis=-1).reshape(len(images), -1)
    gradients = np.sqrt(gradients / (gradients.sum(axis=1, keepdims=True) + 1e-6))
    colours = images.reshape(len(images), 4, _SIDE // 4, 4, _SIDE // 4, 3).mean(axis=(2, 4)).reshape(len(images), -1)
    found: NDArray[np.float32] = np.concatenate([gradients, colours], axis=1)
    return found


@dataclass
class NetworkFeatures:
    """Input of a network's last layer.

    Args:
        model: the network.
        image: preprocessing of its images.
        words: its name, for messages.
        made: its origin, for the key of its cached features.
        network: architecture, and further words, of the command that trains it.
        classes: its classes, where it is trained on them; its images are then decoded as it was trained.
        device: device of the computation.
    """

    model: nn.Module
    image: Preprocessing
    words: str
    made: dict[str, Any]
    network: Sequence[str]
    classes: tuple[str, ...] = ()
    device: str = "auto"

    def of(self, pool: Pool, observer: Observer) -> PoolFeatures:
        """Features (n, D) of the pool, and the network's logits where it is trained."""
        execution = choose_execution(self.device)
        keep_freed_memory(execution.device)
        path = head_of(self.model, self.image, self.words)
        recipe = {"architecture": self.made, "preprocessing": vars(self.image), "versions": versions()}
        embedder = EmbedderWithLogits(execution.place(self.model), path).eval()
        store = FeatureStore(embedder, "last", recipe, execution, observer)
        split, rows = decode_pool(pool, self.image.shape, observer, in_range=not self.classes)
        size = execution.evaluation_batch(_BATCH, self.image.in_chans * self.image.image_size**2)
        normalize = Normalize(self.image.mean, self.image.std, execution.device, self.image.window)
        found = store.of(split, Batches(split, size, normalize, channels_last=execution.channels_last)).cpu().numpy()
        width = found.shape[1] - self._outputs()
        known = len(self.classes) == self._outputs()
        return PoolFeatures(rows, found[:, :width], BaseLogits(self.classes, found[:, width:]) if known else None)

    def _outputs(self) -> int:
        """Number of the network's logits."""
        with torch.no_grad():
            images = blank(self.model, self.image.in_chans, self.image.image_size)
            return int(self.model(images).shape[1])


def features_of_run(word: str, registry: Registry, device: str) -> NetworkFeatures:
    """The network of a run, or of a bundle.

    Raises:
        RequestError: there is none, or it can't be built, or it predicts no classes.
    """
    folder = find_bundle(Path(word) if Path(word).is_dir() else find_model(word, registry))
    model, card = load_model(folder, registry)
    if (task := card.get("task", "single-label")) != "single-label":
        raise RequestError(
            f"{word} is a {task} model; zoo label gives each picture one class. Leave --model out, or give a run of a "
            "single-label dataset."
        )
    name = card["architecture"]["id"]
    image = Preprocessing(**card["preprocessing"])
    classes = tuple(map(str, card["classes"]))
    network = (name, "--weights", word)
    return NetworkFeatures(model, image, f"{name} of {word}", card["architecture"], network, classes, device)


def features_of_architecture(
    name: str, weights: str | None, pool: Pool, registry: Registry, device: str
) -> NetworkFeatures:
    """An architecture with weights of a file, or its pretrained weights.

    Raises:
        RequestError: it can't be built, or the weights don't fit.
    """
    asked: dict[str, Any] = {"architecture": name, "dataset": PoolImages(pool.paths)}
    asked |= {"pretrained": True} if weights is None else {"weights": weights}
    resolved = resolve(make_request(asked, recipe="none"), registry)
    job, entry = resolved.job, resolved.entry("architecture")
    image = Preprocessing(**preprocessing_of(job))
    params = job.architecture.params
    model = build_model(entry, params, 2, image.in_chans, image.image_size, pretrained=job.pretrained)
    path = head_of(model, image, entry.id)
    if job.weights is not None:
        load_weights(model, job.weights, path, registry)
    for parameter in model.get_submodule(path).parameters():  # random otherwise, and a part of the features' key
        nn.init.zeros_(parameter)
    whose = "pretrained weights" if job.weights is None else Path(job.weights).name
    network = (name, *(("--pretrained",) if weights is None else ("--weights", weights)))
    made = {**entry.provenance(), "params": params}
    return NetworkFeatures(model, image, f"{entry.id} with {whose}", made, network, device=device)


def head_of(model: nn.Module, image: Preprocessing, name: str) -> str:
    """Path of the last layer.

    Raises:
        RequestError: there is none with weights.
    """
    try:
        return find_head(model, blank(model, image.in_chans, image.image_size))
    except ValueError as error:
        raise RequestError(
            f"{name} has no features: {error}. Choose another: --architecture timm/tf_efficientnet_lite0 --weights FILE"
        ) from error
