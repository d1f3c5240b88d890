"""What a task is: the interpretation of a network's outputs, and all numbers that depend on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from torch import Tensor

from zoo.engine.scores import Numbers

__all__ = ["Mistakes", "Task", "TaskName", "WithoutThresholds"]

TaskName = Literal["single-label", "multi-label", "ordinal", "regression"]
Mistakes = list[dict[str, Any]]
"""Wrong answers: the image's name, its true and its predicted label or value, and the confidence or the error."""


class Task(Protocol):
    """Interpretation and scoring of a network's outputs (N, M) for K classes, or K values.

    Only a loss takes the raw outputs. Everything else takes what :meth:`read` makes of them: logits, or values in the
    unit of the data.

    Args:
        name: name of the task in bundles.
        multilabel: an image may have any number of classes; its targets are then (N, K) of 0 and 1.
        classifies: the answer is a class, with a probability; else it is a value.
        independent: an output stands for itself; else only its difference from the others matters.
        epoch_score: name of the number, beside the loss, that is averaged over the images of a training epoch.
        scalars: names of the numbers in every evaluation.
        higher: those of ``scalars`` for which higher is better.
    """

    name: TaskName
    multilabel: bool
    classifies: bool
    independent: bool
    epoch_score: str
    scalars: tuple[str, ...]
    higher: tuple[str, ...]

    def width(self, count: int) -> int:
        """Number of outputs M of a network for so many classes or values."""

    def card(self) -> Mapping[str, Any]:
        """Return what a bundle keeps of the task beside its name, as plain data."""

    def fitted(self, labels: Any) -> Task:
        """Return the task with the scale of training labels (N, K); classes have none."""

    def standardise(self, values: Any) -> Any:
        """Convert an array or a tensor in the unit of the data to the scale of a loss; of classes nothing changes."""

    def read(self, outputs: Tensor) -> Tensor:
        """Convert raw outputs (N, M) to logits, or values in the unit of the data, (N, K)."""

    def read_targets(self, targets: Tensor) -> Tensor:
        """Convert the targets of a loss to the unit of the data."""

    def read_labels(self, targets: Tensor) -> Tensor:
        """Convert the targets of a loss to labels as a split has them: values are float64."""

    def mean(self, each: Sequence[Tensor]) -> Tensor:
        """Average the raw outputs (N, M) for several views of the images."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Convert logits to probabilities, (N, K) in 0..1; values stay what they are."""

    def batch_sum(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sum the ``epoch_score`` over the images of a batch, a scalar, from raw outputs and a loss's targets.

        Soft targets count as their largest class.
        """

    def numbers(self, logits: Tensor, targets: Tensor, classes: Sequence[str]) -> Numbers:
        """Compute every number of an evaluation except the loss."""

    def baseline(self, targets: Tensor, classes: Sequence[str]) -> Numbers:
        """Score the best constant answer to these images, which a model must beat."""

    def thresholds(self, logits: Tensor, targets: Tensor) -> list[float] | None:
        """Choose a decision threshold for each class on these images; None except for multi-label tasks."""

    def at_thresholds(
        self, logits: Tensor, targets: Tensor, classes: Sequence[str], thresholds: Sequence[float]
    ) -> Numbers:
        """Compute the numbers that depend on the thresholds."""

    def mistakes(
        self, logits: Tensor, targets: Tensor, names: Sequence[str], classes: Sequence[str], most: int
    ) -> Mistakes:
        """Worst mistakes: the most confident ones, or the largest errors, in descending order."""


class WithoutThresholds:
    """Parts of a task whose answers depend on no decision threshold."""

    def thresholds(self, logits: Tensor, targets: Tensor) -> list[float] | None:
        return None

    def at_thresholds(
        self, logits: Tensor, targets: Tensor, classes: Sequence[str], thresholds: Sequence[float]
    ) -> Numbers:
        return {}
