"""The images that a soup is chosen on, and those that its batch norms are computed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from zoo.api.compute import Execution, Task, task_named, task_of_card
from zoo.api.images import TRAIN, VAL, Batches, Normalize
from zoo.api.models import Preprocessing
from zoo.reports.kit.text import percent, value_text
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace
from zoo_merge.predicting import execution_of, named, own_images

__all__ = ["MEASURES", "SoupImages", "open_images"]

MEASURES = {
    "single-label": "accuracy",
    "multi-label": "mean average precision",
    "ordinal": "accuracy",
    "regression": "MAE",
}
"""What a soup is chosen by, for each task."""


@dataclass(frozen=True)
class SoupImages:
    """Validation and training images of runs.

    Args:
        names: names of the validation images, which are new to all runs.
        val, train: batches of them.
        execution: device and precision of the networks.
        task: the task of the runs.
    """

    names: Sequence[str]
    val: Batches
    train: Batches
    execution: Execution
    task: Task

    def score(self, outputs: Tensor, targets: Tensor) -> float:
        """The measure of the task, of raw outputs (N, M) and targets; higher is better, so an MAE is negative."""
        return _SCORES[self.task.name](self.task.read(outputs), self.task.read_targets(targets))

    def text(self, score: float) -> str:
        """Format a score; an MAE in the unit of the data."""
        return percent(score) if self.task.classifies else value_text(-score)

    def loss(self, outputs: Tensor, targets: Tensor) -> float:
        """Negative log-likelihood, of values the squared error, which decides between equal scores."""
        logits = self.task.standardise(self.task.read(outputs))
        classes = binary_cross_entropy_with_logits if self.task.multilabel else cross_entropy
        return float((classes if self.task.classifies else mse_loss)(logits, targets))


def open_images(member: Member, names: Sequence[str], most: int, place: MergePlace) -> SoupImages:
    """Open the images of a run's job.

    Args:
        names: names of the validation images.
        most: maximum number of training images.
    """
    shape, task = Preprocessing(**member.card["preprocessing"]), task_of_card(member.card)
    val, train = own_images(member, [VAL, TRAIN], place)
    val = named(val, names, member.root)
    val = replace(val, labels=task.standardise(val.labels))
    rows = np.random.default_rng(0).permutation(len(train))[:most]
    train = train.part(TRAIN, np.sort(rows))
    execution = execution_of(member.card, place)
    normalize = Normalize(shape.mean, shape.std, execution.device, shape.window)
    size = int(member.job["train"]["batch_size"])
    return SoupImages(list(names), Batches(val, size, normalize), Batches(train, size, normalize), execution, task)


def _accuracy(logits: Tensor, targets: Tensor) -> float:
    return float((logits.argmax(dim=1) == targets).double().mean())


def _precision(logits: Tensor, targets: Tensor) -> float:
    classes = [str(index) for index in range(logits.shape[1])]
    return float(task_named("multi-label").numbers(logits, targets, classes)["mean_average_precision"])


def _error(values: Tensor, targets: Tensor) -> float:
    return -float((values.cpu().double() - targets.cpu().double()).abs().mean())


_SCORES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "single-label": _accuracy,
    "multi-label": _precision,
    "ordinal": _accuracy,
    "regression": _error,
}
