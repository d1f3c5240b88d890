"""Metrics over logits (N, K) and labels (N,) int64, by torchmetrics, which is imported when one is made.

Those with a ``multilabel`` parameter measure several labels an image too, (N, K) of 0 and 1.
All keep counts, or every score, and divide once in ``compute``: uneven batches give the value of the whole. In a loop
of your own under torch.distributed ``compute`` is over all ranks; in a run of the zoo each rank is given every answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import Tensor

if TYPE_CHECKING:
    from torchmetrics import Metric

__all__ = [
    "LogitsMetric",
    "accuracy",
    "auroc",
    "confusion_matrix",
    "f1",
    "f1_macro",
    "f1_micro",
    "hamming",
    "mean_average_precision",
    "precision",
    "recall",
    "top_k",
]

Average = Literal["macro", "micro", "weighted"]


class LogitsMetric:
    """A torchmetrics metric that follows the logits to their device.

    Args:
        metric: takes logits (N, K) and labels (N,); of several labels yes or no (N, K) int64 and labels (N, K) int64.
        num_classes: K.
        multilabel: whether images may have several labels.
        scores: whether the metric takes probabilities (N, K) in place of yes or no from 0.5 on.
    """

    def __init__(self, metric: Metric, num_classes: int, multilabel: bool = False, scores: bool = False) -> None:
        self.metric, self.num_classes, self.multilabel, self.scores = metric, num_classes, multilabel, scores

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch: logits (N, K) float, targets (N,) int64, or of several labels (N, K) of 0 and 1.

        Raises:
            ValueError: the shapes don't fit each other or the number of classes.
        """
        wanted = logits.shape if self.multilabel else logits.shape[:1]
        if logits.ndim != 2 or logits.shape[1] != self.num_classes or targets.shape != wanted:
            valid = f"(N, {self.num_classes})"
            raise ValueError(
                f"logits have shape {tuple(logits.shape)} and targets {tuple(targets.shape)};"
                f" valid are {valid} and {valid if self.multilabel else '(N,)'}"
            )
        if self.metric.device != logits.device:
            self.metric.to(logits.device)
        if self.multilabel:
            # In float32 a sigmoid is 1 from 17 on, and torchmetrics takes what lies in 0..1 for probabilities.
            precise = logits.detach() if logits.device.type == "mps" else logits.detach().double()
            probs = precise.sigmoid()  # torchmetrics' own threshold is passed above 0.5 only
            self.metric.update(probs if self.scores else (probs >= 0.5).long(), targets.long())
        else:
            self.metric.update(logits.detach(), targets)

    def compute(self) -> Tensor:
        """The value over everything since the last reset: a scalar, or (K, K) int64 for a confusion matrix."""
        value: Tensor = self.metric.compute()
        return value

    def reset(self) -> None:
        """Forget every batch."""
        self.metric.reset()


def accuracy(num_classes: int) -> LogitsMetric:
    """Share of samples whose likeliest class is right, in 0..1."""
    return top_k(num_classes, k=1)


def top_k(num_classes: int, k: int = 5) -> LogitsMetric:
    """Share of samples whose class is among the ``k`` likeliest, in 0..1.

    Args:
        k: at least 1; cut to ``num_classes``, where it is always 1.0.

    Raises:
        ValueError: ``k`` is below 1.
    """
    from torchmetrics.classification import MulticlassAccuracy

    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1 (1 is accuracy)")
    return LogitsMetric(MulticlassAccuracy(num_classes, top_k=min(k, num_classes), average="micro"), num_classes)


def precision(num_classes: int, average: Average = "macro", multilabel: bool = False) -> LogitsMetric:
    """Of what was called a class, the share that is one, in 0..1.

    Args:
        average: "macro" weighs classes equally (leaving out those neither there nor predicted), "weighted" by how
            often they are there, "micro" counts all samples alike.
        multilabel: given by the job; whether images may have several labels, each given from a probability of 0.5 on.
    """
    from torchmetrics.classification import MulticlassPrecision, MultilabelPrecision

    make = MultilabelPrecision if multilabel else MulticlassPrecision
    return LogitsMetric(make(num_classes, average=_checked(average)), num_classes, multilabel)


def recall(num_classes: int, average: Average = "macro", multilabel: bool = False) -> LogitsMetric:
    """Of what is a class, the share that was found, in 0..1; macro it is balanced accuracy.

    Args:
        average: as for :func:`precision`.
        multilabel: as for :func:`precision`.
    """
    from torchmetrics.classification import MulticlassRecall, MultilabelRecall

    make = MultilabelRecall if multilabel else MulticlassRecall
    return LogitsMetric(make(num_classes, average=_checked(average)), num_classes, multilabel)


def f1(num_classes: int, average: Average = "macro", multilabel: bool = False) -> LogitsMetric:
    """Harmonic mean of precision and recall, in 0..1.

    Args:
        average: as for :func:`precision`.
        multilabel: as for :func:`precision`.
    """
    from torchmetrics.classification import MulticlassF1Score, MultilabelF1Score

    make = MultilabelF1Score if multilabel else MulticlassF1Score
    return LogitsMetric(make(num_classes, average=_checked(average)), num_classes, multilabel)


def f1_macro(num_classes: int, multilabel: bool = False) -> LogitsMetric:
    """F1 of every class, averaged with equal weight, in 0..1."""
    return f1(num_classes, average="macro", multilabel=multilabel)


def f1_micro(num_classes: int, multilabel: bool = False) -> LogitsMetric:
    """F1 over all samples, in 0..1; with one label a sample it equals accuracy."""
    return f1(num_classes, average="micro", multilabel=multilabel)


def auroc(num_classes: int) -> LogitsMetric:
    """Area under the ROC curve, in 0..1, exact; see :class:`zoo_metrics.auroc.MacroAUROC`. Keeps every logit."""
    from zoo_metrics.auroc import MacroAUROC

    return LogitsMetric(MacroAUROC(num_classes), num_classes)


def mean_average_precision(num_classes: int, multilabel: bool = False) -> LogitsMetric:
    """Mean over the classes of the average precision, one-vs-rest, in 0..1, exact. Keeps every logit.

    A class without images has none and is left out; when no class has one, the value is NaN.

    Args:
        multilabel: given by the job; whether images may have several labels.
    """
    from zoo_metrics.precision import MeanAveragePrecision

    return LogitsMetric(MeanAveragePrecision(num_classes), num_classes, multilabel, scores=True)


def hamming(num_classes: int, multilabel: bool = False) -> LogitsMetric:
    """Share of wrong answers among all yes-or-no answers (the Hamming loss), in 0..1; 0 is best.

    With one label an image it is the share of images that are wrong.

    Args:
        multilabel: given by the job; whether images may have several labels, each given from a probability of 0.5 on.
    """
    from torchmetrics.classification import MulticlassHammingDistance, MultilabelHammingDistance

    make = MultilabelHammingDistance if multilabel else MulticlassHammingDistance
    return LogitsMetric(make(num_classes, average="micro"), num_classes, multilabel)


def confusion_matrix(num_classes: int) -> LogitsMetric:
    """Counts (K, K) int64: a row a true class, a column a predicted one."""
    from torchmetrics.classification import MulticlassConfusionMatrix

    return LogitsMetric(MulticlassConfusionMatrix(num_classes), num_classes)


def _checked(average: str) -> Average:
    if average not in ("macro", "micro", "weighted"):
        raise ValueError(f"average is {average!r}; it must be 'macro', 'micro' or 'weighted'")
    return average  # type: ignore[return-value]
