"""Components of the plugin zoo_metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.plugin import Metric, hookimpl

METRICS = (
    Metric(
        "accuracy",
        "zoo_metrics.metrics:accuracy",
        summary="Fraction of samples whose most probable class is right",
        tags=("top-1",),
    ),
    Metric(
        "top_k",
        "zoo_metrics.metrics:top_k",
        summary="Fraction of samples whose class is among the k most probable",
        tags=("top-5", "accuracy"),
    ),
    Metric(
        "precision",
        "zoo_metrics.metrics:precision",
        summary="Fraction of the predictions of a class that are right; macro, micro or weighted",
        tags=("positive predictive value", "multi-label"),
    ),
    Metric(
        "recall",
        "zoo_metrics.metrics:recall",
        summary="Fraction of the samples of a class that are found; macro (balanced accuracy), micro or weighted",
        tags=("sensitivity", "balanced accuracy", "multi-label"),
    ),
    Metric(
        "f1",
        "zoo_metrics.metrics:f1",
        summary="Harmonic mean of precision and recall; macro, micro or weighted",
        tags=("f-score", "imbalanced", "multi-label"),
    ),
    Metric(
        "f1_macro",
        "zoo_metrics.metrics:f1_macro",
        summary="Mean F1 over the classes, with equal weight",
        tags=("f-score", "imbalanced", "multi-label"),
    ),
    Metric(
        "f1_micro",
        "zoo_metrics.metrics:f1_micro",
        summary="F1 over all samples; equal to accuracy for single-label datasets",
        tags=("f-score", "multi-label"),
    ),
    Metric(
        "auroc",
        "zoo_metrics.metrics:auroc",
        summary="Area under the ROC curve (exact): of class 1 for two classes, one-vs-rest mean for more",
        tags=("auc", "roc", "ranking"),
    ),
    Metric(
        "mean_average_precision",
        "zoo_metrics.metrics:mean_average_precision",
        summary="Mean of the average precision over the classes (exact), one-vs-rest",
        tags=("map", "ranking", "multi-label"),
        aliases=("map",),
    ),
    Metric(
        "hamming",
        "zoo_metrics.metrics:hamming",
        summary="Hamming loss: fraction of wrong binary labels; lower is better",
        tags=("hamming loss", "multi-label"),
        aliases=("hamming_loss",),
        higher_is_better=False,
    ),
    Metric(
        "confusion_matrix",
        "zoo_metrics.metrics:confusion_matrix",
        summary="Confusion matrix (K, K) of counts: rows are true classes, columns predicted classes",
        tags=("table", "errors"),
    ),
)
_RANKS: dict[str, Any] = {"tags": ("ordinal", "rank"), "tasks": ("ordinal",)}
OF_RANKS = (
    Metric(
        "mae_ranks",
        "zoo_metrics.metrics:mae_ranks",
        summary="Mean absolute error of ordered classes in ranks; lower is better",
        higher_is_better=False,
        **_RANKS,
    ),
    Metric(
        "qwk",
        "zoo_metrics.metrics:qwk",
        summary="Cohen's kappa of ordered classes with quadratic weights; 0 is chance, 1 the best",
        aliases=("quadratic_weighted_kappa",),
        **_RANKS,
    ),
)
_VALUES: dict[str, Any] = {"tags": ("regression", "values"), "tasks": ("regression",)}
OF_VALUES = (
    Metric(
        "mae",
        "zoo_metrics.metrics:mae",
        summary="Mean absolute error of values, in their own units; lower is better",
        higher_is_better=False,
        **_VALUES,
    ),
    Metric(
        "rmse",
        "zoo_metrics.metrics:rmse",
        summary="Root of the mean squared error of values, in their own units; lower is better",
        higher_is_better=False,
        **_VALUES,
    ),
    Metric(
        "mape",
        "zoo_metrics.metrics:mape",
        summary="Mean absolute error of values as a fraction of the true value; lower is better",
        higher_is_better=False,
        **_VALUES,
    ),
    Metric(
        "r2",
        "zoo_metrics.metrics:r2",
        summary="Coefficient of determination of values: 1 is the best, 0 that of a constant",
        **_VALUES,
    ),
    Metric(
        "explained_variance",
        "zoo_metrics.metrics:explained_variance",
        summary="Fraction of the variance of the values that predictions explain",
        **_VALUES,
    ),
    Metric(
        "pearson",
        "zoo_metrics.metrics:pearson",
        summary="Pearson's correlation of true and predicted values",
        **_VALUES,
    ),
    Metric(
        "spearman",
        "zoo_metrics.metrics:spearman",
        summary="Spearman's rank correlation of true and predicted values",
        **_VALUES,
    ),
    Metric(
        "concordance",
        "zoo_metrics.metrics:concordance",
        summary="Lin's concordance correlation: 1 only where predictions equal the values",
        aliases=("ccc",),
        **_VALUES,
    ),
)


@hookimpl
def zoo_metrics() -> Sequence[Metric]:
    """Contribute the metrics."""
    return (*METRICS, *OF_RANKS, *OF_VALUES)
