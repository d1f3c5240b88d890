"""The loss and the metrics of a run, checked against its job and its task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from zoo.data.open import TRAIN, VAL
from zoo.engine.batch_weights import reason_against_cuts
from zoo.engine.class_weights import class_weights
from zoo.engine.outputs import Outputs, takes
from zoo.engine.step import Loss
from zoo.engine.task import Task
from zoo.errors import RequestError
from zoo.job.resolve import Resolved
from zoo.registry.suggest import did_you_mean, listing
from zoo.runner.build import build_scoring, higher_names
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

    def reason_against_cuts(self) -> str | None:
        """Reason why the loss can't be computed on parts of a batch, as a clause; None where it can."""
        why = reason_against_cuts(
            self.loss_fn,
            self.num_classes,
            self.device,
            multilabel=self.task.multilabel,
            regression=not self.task.classifies,
            width=self.task.width(self.num_classes),
            outputs=self.outputs,
        )
        return None if why is None else f"{self.resolved.entry('loss').title} {why}"

    def higher_is_better(self, name: str) -> bool:
        """Return True where larger values are better, for a scalar of the task or one of the job's metrics."""
        return name in higher_names(self.resolved, self.task, self.metrics)

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

    def check_cuts(self, processes: int) -> None:
        """Refuse to cut a batch, into pieces or for several processes, if the loss needs the whole batch.

        Raises:
            RequestError: the job or the number of processes asks for it.
        """
        pieces = self.resolved.job.train.accumulate
        cuts = {f"{processes} processes": "--nproc 1"} if processes > 1 else {}
        if pieces > 1:
            cuts[f"train.accumulate={pieces}"] = "--set train.accumulate=1"
        if cuts and (why := self.reason_against_cuts()) is not None:
            parts = processes * pieces
            raise RequestError(
                f"{why}, but with {' and '.join(cuts)} each batch is cut into {parts} parts. "
                f"{self._uncut(parts, *cuts.values())}"
            )

    def out_of_memory(self, pieces: int) -> str | None:
        """Error text for a batch that is too large for the memory and can't be cut; None where it can.

        Args:
            pieces: number of pieces that would be tried next.
        """
        if (why := self.reason_against_cuts()) is None:
            return None
        size = self.resolved.job.train.batch_size
        return f"Out of memory with a batch of {size}, and {why}. {self._uncut(pieces)}"

    def _uncut(self, parts: int, *typed: str) -> str:
        """What to type in place of a batch in so many parts."""
        size = max(2, self.resolved.job.train.batch_size // parts)
        return f"Type: {' '.join([f'--batch-size {size}', *typed])}, or choose another loss: zoo list loss"


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
