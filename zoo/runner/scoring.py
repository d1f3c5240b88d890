"""The loss and the metrics of a run, checked against its job and its task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from zoo.data.open import TRAIN, VAL
from zoo.engine.batch_weights import is_of_whole_batch
from zoo.engine.class_weights import class_weights
from zoo.engine.outputs import Outputs, takes
from zoo.engine.step import Loss
from zoo.engine.task import Task
from zoo.errors import RequestError
from zoo.job.resolve import Resolved
from zoo.registry.suggest import did_you_mean, listing
from zoo.runner.build import build_scoring
from zoo.runner.losses import Scored

__all__ = ["Scoring", "scoring_of"]


@dataclass(frozen=True)
class Scoring:
    """Loss and metrics, on the device.

    Args:
        loss_fn: logits and targets -> the minimised scalar.
        metrics: torchmetrics' protocol, by name.
        num_classes: K of the logits (N, K).
        outputs: examples of the outputs that the network has beside its logits.
    """

    resolved: Resolved
    task: Task
    num_classes: int
    device: torch.device
    loss_fn: Loss
    metrics: dict[str, Any]
    outputs: Outputs = field(default_factory=dict)

    @property
    def takers(self) -> list[Any]:
        """Functions that may take outputs of the network: the loss, and the metrics' updates."""
        return [self.loss_fn, *(metric.update for metric in self.metrics.values())]

    def takes_outputs(self) -> bool:
        """Check that the loss or a metric takes an output beside the logits."""
        return any(name in self.outputs for function in self.takers for name in takes(function))

    def is_of_whole_batch(self) -> bool:
        """Check for a loss that is not a mean over images, so that micro-batches and processes change the training."""
        several = self.task.multilabel
        return is_of_whole_batch(self.loss_fn, self.num_classes, self.device, multilabel=several, outputs=self.outputs)

    def higher_is_better(self, name: str) -> bool:
        """Return True where larger values are better, for a scalar of the task or one of the job's metrics."""
        if name in self.task.scalars:
            return name in self.task.higher
        index = list(self.metrics).index(name)
        return bool(getattr(self.resolved.entry(f"metrics.{index}").component, "higher_is_better", True))

    def check_monitor(self) -> None:
        """Refuse a job that monitors an unknown number.

        Raises:
            RequestError: it does; lists the numbers that there are.
        """
        known = (*self.task.scalars, *self.metrics)
        valid = [f"{VAL}/{name}" for name in dict.fromkeys(known)] + [f"{TRAIN}/{name}" for name in known[:2]]
        monitor = self.resolved.job.train.monitor
        if monitor not in valid:
            raise RequestError(
                f"train.monitor {monitor!r} is not measured.{did_you_mean(monitor, valid)} Valid are: {listing(valid)}."
            )

    def check_pieces(self) -> None:
        """Refuse to accumulate the gradients of a loss that is not a mean over images.

        Raises:
            RequestError: the job asks for it.
        """
        job, train = self.resolved.job, self.resolved.job.train
        if train.accumulate > 1 and self.is_of_whole_batch():
            raise RequestError(
                f"train.accumulate={train.accumulate} computes a batch in pieces, but loss {job.loss.name!r} is "
                "not a mean over images. Use a smaller batch instead: "
                f"--batch-size {max(2, train.batch_size // train.accumulate)} --set train.accumulate=1"
            )


def scoring_of(resolved: Resolved, scored: Scored, task: Task, device: torch.device, counts: Sequence[int]) -> Scoring:
    """Build the loss, with classes weighted where the job asks for it, and the metrics.

    Args:
        counts: number of training images of each class.

    Raises:
        RequestError: something of the job is for one label per image, and these images have several.
        ContractError: the loss breaks its contract.
    """
    rule = resolved.job.train.class_weights
    weights = None if rule == "none" else class_weights(counts, rule)
    loss, metrics = build_scoring(resolved, scored, device, weights)
    return Scoring(resolved, task, len(counts), device, loss, metrics, scored.outputs)
