"""The images that a soup is chosen on, and those that its batch norms are computed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from zoo.api.compute import Execution, choose_execution, task_named
from zoo.api.images import TRAIN, VAL, Batches, Normalize, Split, build_opener
from zoo.api.jobs import make_request, resolve
from zoo.api.models import Preprocessing
from zoo.api.running import own_split
from zoo.runs import JOB
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace

__all__ = ["MEASURES", "SoupImages", "open_images"]

MEASURES = {"single-label": "accuracy", "multi-label": "mean average precision", "ordinal": "accuracy"}
"""What a soup is chosen by, for each task that can be souped."""


@dataclass(frozen=True)
class SoupImages:
    """Validation and training images of runs.

    Args:
        names: names of the validation images, which are new to all runs.
        val, train: batches of them.
        execution: device and precision of the networks.
        task: name of the task.
    """

    names: Sequence[str]
    val: Batches
    train: Batches
    execution: Execution
    task: str

    def score(self, logits: Tensor, targets: Tensor) -> float:
        """The measure of the task in 0..1, of logits (N, K) and targets; higher is better."""
        return _SCORES[self.task](logits, targets)

    def loss(self, logits: Tensor, targets: Tensor) -> float:
        """Negative log-likelihood, which decides between equal scores."""
        loss = binary_cross_entropy_with_logits if task_named(self.task).multilabel else cross_entropy
        return float(loss(logits, targets))


def open_images(member: Member, names: Sequence[str], most: int, place: MergePlace) -> SoupImages:
    """Open the images of a run's job.

    Args:
        names: names of the validation images.
        most: maximum number of training images.
    """
    resolved = resolve(make_request({}, file=member.folder / JOB), place.registry)
    shape = Preprocessing(**member.card["preprocessing"])
    opener = build_opener(resolved, shape.shape)
    val, train = (own_split(opener, resolved, member.classes, split, own=True) for split in (VAL, TRAIN))
    val = _named(val, names, member.root)
    rows = np.random.default_rng(0).permutation(len(train))[:most]
    train = train.part(TRAIN, np.sort(rows))
    execution = choose_execution(place.device)
    normalize = Normalize(shape.mean, shape.std, execution.device, shape.window)
    size = resolved.job.train.batch_size
    return SoupImages(
        list(names), Batches(val, size, normalize), Batches(train, size, normalize), execution, member.task
    )


def _named(split: Split, names: Sequence[str], root: str) -> Split:
    """The part of a split with these names, in their order."""
    start = f"{root.rstrip('/')}/" if root else ""
    place = {str(name).removeprefix(start): row for row, name in enumerate(split.names)}
    return split.part(split.name, np.array([place[name] for name in names], np.int64))


def _accuracy(logits: Tensor, targets: Tensor) -> float:
    return float((logits.argmax(dim=1) == targets).double().mean())


def _precision(logits: Tensor, targets: Tensor) -> float:
    classes = [str(index) for index in range(logits.shape[1])]
    return float(task_named("multi-label").numbers(logits, targets, classes)["mean_average_precision"])


_SCORES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "single-label": _accuracy,
    "multi-label": _precision,
    "ordinal": _accuracy,
}
