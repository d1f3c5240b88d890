"""Features of a trained model's images: the input of its last layer, and its logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.api.compute import choose_execution, find_head, is_last_step, keep_freed_memory
from zoo.api.images import Batches, Normalize, Split
from zoo.api.jobs import Resolved
from zoo.api.running import FeatureStore, Observer, blank, feature_store
from zoo.errors import RequestError
from zoo_extend.network import Embedder

__all__ = ["Features", "ModelFeatures"]


@dataclass(frozen=True)
class Features:
    """Features (N, D) and logits (N, K) of a split, float32 on the CPU."""

    values: Tensor
    logits: Tensor


class ModelFeatures:
    """Computes the features of a trained model, or reads those that its run has cached.

    Args:
        resolved: job of the run.
        model: the network, on the CPU; it is placed on the job's device.
        classes: number of its classes.
        observer: receives the progress.

    Raises:
        RequestError: the network has no last layer with weights.
    """

    def __init__(self, resolved: Resolved, model: nn.Module, classes: int, observer: Observer):
        self.resolved, self.classes, job = resolved, classes, resolved.job
        images = blank(model, job.data.in_chans, job.train.image_size)
        try:
            self.path = find_head(model, images)
        except ValueError as error:
            raise RequestError(
                f"{resolved.job.architecture.name} can't be extended: {error}, so that it has no features. Give the "
                "network a method get_classifier() that returns its last layer."
            ) from error
        self.execution = choose_execution(job.device, job.precision, job.memory_format).suited(model)
        keep_freed_memory(self.execution.device)
        self.layer = self._plain_layer(model, images)
        network, head = (model, self.path) if self.layer else (Embedder(model, self.path), "last")
        self.store: FeatureStore = feature_store(
            resolved, self.execution.place(network).eval(), head, self.execution, observer
        )

    def _plain_layer(self, model: nn.Module, images: Tensor) -> nn.Module | None:
        """The last layer, where it makes logits of vectors: a frozen backbone's cached features are its inputs."""
        layer = model.get_submodule(self.path)
        return layer if isinstance(layer, nn.Linear) and is_last_step(model, self.path, images) else None

    def of(self, split: Split) -> Features:
        """Features and logits of a split's images."""
        job, execution = self.resolved.job, self.execution
        size = execution.evaluation_batch(2 * int(job.train.batch_size), job.data.in_chans * job.train.image_size**2)
        normalize = Normalize(job.data.mean, job.data.std, execution.device, job.data.scale)
        found = self.store.of(split, Batches(split, size, normalize, channels_last=execution.channels_last))
        if self.layer is None:
            return Features(found[:, : -self.classes].cpu(), found[:, -self.classes :].cpu())
        with torch.no_grad():
            logits = self.layer(found.flatten(1))
        return Features(found.cpu(), logits.float().cpu())
