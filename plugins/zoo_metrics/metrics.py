"""Metrics of logits (N, K) and labels (N,) int64, or of values (N, K), by torchmetrics, which is imported on creation.

Those with a ``multilabel`` parameter support multi-label targets too, (N, K) of 0 and 1.
All accumulate counts, or every score, and divide once in ``compute``, so that the value doesn't depend on the batch
sizes. In a custom loop under torch.distributed ``compute`` is over all ranks; in a run of the zoo each rank gets all
predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torchmetrics import Metric

    from zoo_metrics.values import ValuesMetric

__all__ = [
    "LogitsMetric",
    "accuracy",
    "auroc",
    "concordance",
    "confusion_matrix",
    "explained_variance",
    "f1",
    "f1_macro",
    "f1_micro",
    "hamming",
    "mae",
    "mae_ranks",
    "mape",
    "mean_average_precision",
    "pearson",
    "precision",
    "qwk",
    "r2",
    "recall",
    "rmse",
    "spearman",
    "top_k",
]

Average = Literal["macro", "micro", "weighted"]


class LogitsMetric:
    """A torchmetrics metric that follows the logits to their device.

    Args:
        metric: metric of logits (N, K) and labels (N,), or of binary predictions and labels (N, K) int64.
        num_classes: K.
        multilabel: images may have several labels.
        scores: a multi-label metric takes probabilities (N, K) instead of predictions thresholded at 0.5.
    """

    def __init__(self, metric: Metric, num_classes: int, multilabel: bool = False, scores: bool = False) -> None:
        self.metric, self.num_classes, self.multilabel, self.scores = metric, num_classes, multilabel, scores

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch: logits (N, K) float, targets (N,) int64, or (N, K) of 0 and 1 for multi-label data.

        Raises:
            ValueError: the shapes don't match each other or the number of classes.
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
            # float64, since a float32 sigmoid saturates at 1; torchmetrics treats values in 0..1 as probabilities.
            precise = logits.detach() if logits.device.type == "mps" else logits.detach().double()
            probs = precise.sigmoid()  # torchmetrics' threshold excludes 0.5 itself
            self.metric.update(probs if self.scores else (probs >= 0.5).long(), targets.long())
        else:
            self.metric.update(logits.detach(), targets)

    def compute(self) -> Tensor:
        """Compute the value over all batches since the last reset: a scalar, or (K, K) int64 for a confusion matrix."""
        value: Tensor = self.metric.compute()
        return value

    def reset(self) -> None:
        """Discard all batches."""
        self.metric.reset()


def accuracy(num_classes: int) -> LogitsMetric:
    """Top-1 accuracy, in 0..1."""
    return top_k(num_classes, k=1)


def top_k(num_classes: int, k: int = 5) -> LogitsMetric:
    """Top-k accuracy: fraction of samples whose class is among the ``k`` most probable, in 0..1.

    Args:
        k: number of classes that count, at least 1; limited to ``num_classes``, where the value is always 1.0.

    Raises:
        ValueError: ``k`` is below 1.
    """
    from torchmetrics.classification import MulticlassAccuracy

    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1 (1 is accuracy)")
    return LogitsMetric(MulticlassAccuracy(num_classes, top_k=min(k, num_classes), average="micro"), num_classes)


def precision(num_classes: int, average: Average = "macro", multilabel: bool = False) -> LogitsMetric:
    """Precision: fraction of correct predictions among those of a class, in 0..1.

    Args:
        average: "macro" weights classes equally (without those that neither occur nor are predicted), "weighted" by
            their frequency, "micro" weights all samples equally.
        multilabel: set by the job; images may have several labels, each predicted from a probability of 0.5 on.
    """
    from torchmetrics.classification import MulticlassPrecision, MultilabelPrecision

    make = MultilabelPrecision if multilabel else MulticlassPrecision
    return LogitsMetric(make(num_classes, average=_checked(average)), num_classes, multilabel)


def recall(num_classes: int, average: Average = "macro", multilabel: bool = False) -> LogitsMetric:
    """Recall: fraction of correct predictions among the samples of a class, in 0..1; macro recall is balanced accuracy.

    Args:
        average: averaging over the classes, as for :func:`precision`: "macro", "weighted" or "micro".
        multilabel: as for :func:`precision`.
    """
    from torchmetrics.classification import MulticlassRecall, MultilabelRecall

    make = MultilabelRecall if multilabel else MulticlassRecall
    return LogitsMetric(make(num_classes, average=_checked(average)), num_classes, multilabel)


def f1(num_classes: int, average: Average = "macro", multilabel: bool = False) -> LogitsMetric:
    """Harmonic mean of precision and recall, in 0..1.

    Args:
        average: averaging over the classes, as for :func:`precision`: "macro", "weighted" or "micro".
        multilabel: as for :func:`precision`.
    """
    from torchmetrics.classification import MulticlassF1Score, MultilabelF1Score

    make = MultilabelF1Score if multilabel else MulticlassF1Score
    return LogitsMetric(make(num_classes, average=_checked(average)), num_classes, multilabel)


def f1_macro(num_classes: int, multilabel: bool = False) -> LogitsMetric:
    """Macro F1: unweighted mean of the F1 of all classes, in 0..1."""
    return f1(num_classes, average="macro", multilabel=multilabel)


def f1_micro(num_classes: int, multilabel: bool = False) -> LogitsMetric:
    """Micro F1: F1 over all samples, in 0..1; for single-label data it equals accuracy."""
    return f1(num_classes, average="micro", multilabel=multilabel)


def auroc(num_classes: int) -> LogitsMetric:
    """Area under the ROC curve, in 0..1, exact; see :class:`zoo_metrics.auroc.MacroAUROC`. It stores all logits."""
    from zoo_metrics.auroc import MacroAUROC

    return LogitsMetric(MacroAUROC(num_classes), num_classes)


def mean_average_precision(num_classes: int, multilabel: bool = False) -> LogitsMetric:
    """Mean over the classes of the one-vs-rest average precision, in 0..1, exact. It stores all logits.

    A class without images is left out; without any class, the value is NaN.

    Args:
        multilabel: set by the job; images may have several labels.
    """
    from zoo_metrics.precision import MeanAveragePrecision

    return LogitsMetric(MeanAveragePrecision(num_classes), num_classes, multilabel, scores=True)


def hamming(num_classes: int, multilabel: bool = False) -> LogitsMetric:
    """Hamming loss: fraction of wrong binary labels, in 0..1; 0 is best.

    For single-label data it is the error rate.

    Args:
        multilabel: set by the job; images may have several labels, each predicted from a probability of 0.5 on.
    """
    from torchmetrics.classification import MulticlassHammingDistance, MultilabelHammingDistance

    make = MultilabelHammingDistance if multilabel else MulticlassHammingDistance
    return LogitsMetric(make(num_classes, average="micro"), num_classes, multilabel)


def confusion_matrix(num_classes: int) -> LogitsMetric:
    """Confusion matrix of counts (K, K) int64: rows are true classes, columns predicted ones."""
    from torchmetrics.classification import MulticlassConfusionMatrix

    return LogitsMetric(MulticlassConfusionMatrix(num_classes), num_classes)


class RankError(LogitsMetric):
    """Mean absolute difference of true and predicted rank, from a confusion matrix."""

    def compute(self) -> Tensor:
        """Compute the mean over all batches since the last reset, a scalar from 0 to K - 1."""
        matrix = super().compute().cpu().double()
        ranks = torch.arange(self.num_classes)
        return ((ranks[:, None] - ranks).abs() * matrix).sum() / matrix.sum()


def mae_ranks(num_classes: int) -> LogitsMetric:
    """Mean absolute error in ranks of ordered classes, from 0 to K - 1; 0 is best."""
    from torchmetrics.classification import MulticlassConfusionMatrix

    return RankError(MulticlassConfusionMatrix(num_classes), num_classes)


def qwk(num_classes: int) -> LogitsMetric:
    """Cohen's kappa of ordered classes with quadratic weights, at most 1; 0 is chance (Cohen 1968)."""
    from torchmetrics.classification import MulticlassCohenKappa

    return LogitsMetric(MulticlassCohenKappa(num_classes, weights="quadratic"), num_classes)


def mae(num_classes: int) -> ValuesMetric:
    """Mean absolute error of values, in their own units."""
    return _of_values("mae", num_classes)


def rmse(num_classes: int) -> ValuesMetric:
    """Root of the mean squared error of values, in their own units."""
    return _of_values("rmse", num_classes)


def mape(num_classes: int) -> ValuesMetric:
    """Mean absolute error as a fraction of the true value; huge for true values near 0."""
    return _of_values("mape", num_classes)


def r2(num_classes: int) -> ValuesMetric:
    """Coefficient of determination, at most 1; 0 is that of the mean as a constant prediction."""
    return _of_values("r2", num_classes)


def explained_variance(num_classes: int) -> ValuesMetric:
    """Fraction of the variance of the true values that predictions explain, at most 1; a constant offset is ignored."""
    return _of_values("explained_variance", num_classes)


def pearson(num_classes: int) -> ValuesMetric:
    """Pearson's correlation of true and predicted values, in -1..1."""
    return _of_values("pearson", num_classes)


def spearman(num_classes: int) -> ValuesMetric:
    """Spearman's rank correlation of true and predicted values, in -1..1."""
    return _of_values("spearman", num_classes)


def concordance(num_classes: int) -> ValuesMetric:
    """Lin's concordance correlation of true and predicted values, in -1..1; 1 only for equal values (Lin 1989)."""
    return _of_values("concordance", num_classes)


def _of_values(name: str, count: int) -> ValuesMetric:
    from zoo_metrics.values import ValuesMetric

    return ValuesMetric(name, count)


def _checked(average: str) -> Average:
    if average not in ("macro", "micro", "weighted"):
        raise ValueError(f"average is {average!r}; it must be 'macro', 'micro' or 'weighted'")
    return average  # type: ignore[return-value]
