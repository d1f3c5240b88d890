"""Features of a dataset's images from a frozen, trained network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from zoo.api.compute import Execution, find_head
from zoo.api.images import Batches, ItemNames, Normalize, Split, decode_split
from zoo.api.jobs import Registry, Resolved
from zoo.api.models import Preprocessing, build_model, find_bundle, find_model, load_model, preprocessing_of
from zoo.api.running import FeatureStore, Observer, blank, load_weights, versions
from zoo.errors import RequestError
from zoo_data_check.scan import Scan

_BATCH = 64


@dataclass(frozen=True)
class Backbone:
    """A trained network with its preprocessing and its description.

    Args:
        model: the network.
        image: preprocessing of its images.
        words: name of the network, for messages.
        made: provenance of the network, for the cache key of its features.
    """

    model: nn.Module
    image: Preprocessing
    words: str
    made: dict[str, Any]


def backbone_of_run(word: str, registry: Registry) -> Backbone:
    """Load the network of a run, or of a bundle.

    Raises:
        RequestError: there is none, or it can't be built.
    """
    folder = find_bundle(Path(word) if Path(word).is_dir() else find_model(word, registry))
    model, card = load_model(folder, registry)
    name = card["architecture"]["id"]
    return Backbone(model, Preprocessing(**card["preprocessing"]), f"{name} of {word}", card["architecture"])


def backbone_of_job(resolved: Resolved, num_classes: int) -> Backbone:
    """Build the job's architecture with its initial weights.

    Raises:
        RequestError: it can't be built, or the weights don't fit.
    """
    job, entry = resolved.job, resolved.entry("architecture")
    image = Preprocessing(**preprocessing_of(job))
    params = job.architecture.params
    model = build_model(entry, params, num_classes, image.in_chans, image.image_size, pretrained=job.pretrained)
    if job.weights is not None:
        load_weights(model, job.weights, _head_of(model, image, entry.id), resolved.registry)
    whose = "pretrained weights" if job.weights is None else Path(job.weights).name
    return Backbone(model.eval(), image, f"{entry.id} with {whose}", {**entry.provenance(), "params": params})


def backbone_features(backbone: Backbone, scan: Scan, execution: Execution, observer: Observer) -> NDArray[np.float32]:
    """Compute the input of the network's last layer for each image: (n, D) float32.

    Images come from the decode-once store, and features from the cache, if they are there already.

    Raises:
        RequestError: the network has no identifiable last layer.
    """
    head = _head_of(backbone.model, backbone.image, backbone.words)
    model = execution.place(backbone.model)
    recipe = {"architecture": backbone.made, "preprocessing": vars(backbone.image), "versions": versions()}
    store = FeatureStore(model, head, recipe, execution, observer)
    found: NDArray[np.float32] | None = None
    for number, (name, dataset) in enumerate(scan.datasets.items()):
        rows, features = _of_split(store, dataset, name, backbone.image, observer)
        if found is None:
            found = np.zeros((len(scan), features.shape[1]), np.float32)
        own = np.flatnonzero(scan.split == number)
        place = np.full(len(dataset), -1)
        place[rows] = np.arange(len(rows))
        both = place[scan.index[own]]  # images that only one of the two decoders can read keep zeros
        found[own[both >= 0]] = features[both[both >= 0]]
    assert found is not None
    return found


def _of_split(
    store: FeatureStore, dataset: Any, name: str, image: Preprocessing, observer: Observer
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Indices of a split's decodable items, and their features (m, D)."""
    told = f"decoding {name} images"
    decoded = decode_split(dataset, image.shape, progress=lambda done, total: observer.preparing(told, done, total))
    split = Split(name, decoded.images, decoded.labels, decoded.names, fingerprint=decoded.fingerprint)
    size = store.execution.evaluation_batch(_BATCH, image.in_chans * image.image_size**2)
    normalize = Normalize(image.mean, image.std, store.execution.device, image.window)
    batches = Batches(split, size, normalize, channels_last=store.execution.channels_last)
    features = store.of(split, batches).cpu().numpy()
    assert isinstance(decoded.names, ItemNames)
    while features.ndim > 2:
        features = features.mean(-1)
    return decoded.names.rows, features


def _head_of(model: nn.Module, image: Preprocessing, name: str) -> str:
    try:
        return find_head(model, blank(model, image.in_chans, image.image_size))
    except ValueError as error:
        raise RequestError(
            f"{name} has no features: {error}. Choose another: --architecture timm/tf_efficientnet_lite0 --weights FILE"
        ) from error
