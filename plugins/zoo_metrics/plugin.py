"""Components of the plugin zoo_metrics."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.plugin import Metric, hookimpl

METRICS = (
    Metric(
        "accuracy",
        "zoo_metrics.metrics:accuracy",
        summary="Share of samples whose likeliest class is right, in 0..1",
        tags=("top-1",),
    ),
    Metric(
        "top_k",
        "zoo_metrics.metrics:top_k",
        summary="Share of samples whose class is among the k likeliest (k is cut to the number of classes)",
        tags=("top-5", "accuracy"),
    ),
    Metric(
        "precision",
        "zoo_metrics.metrics:precision",
        summary="Of what was called a class, the share that is one; macro, micro or weighted",
        tags=("positive predictive value", "multi-label"),
    ),
    Metric(
        "recall",
        "zoo_metrics.metrics:recall",
        summary="Of what is a class, the share that was found; macro (balanced accuracy), micro or weighted",
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
        summary="F1 of every class, averaged with equal weight: rare classes count as much as common ones",
        tags=("f-score", "imbalanced", "multi-label"),
    ),
    Metric(
        "f1_micro",
        "zoo_metrics.metrics:f1_micro",
        summary="F1 over all samples; with one label a sample it equals accuracy",
        tags=("f-score", "multi-label"),
    ),
    Metric(
        "auroc",
        "zoo_metrics.metrics:auroc",
        summary="Area under the ROC curve: of class 1 for two classes, the one-vs-rest mean for more; exact",
        tags=("auc", "roc", "ranking"),
    ),
    Metric(
        "mean_average_precision",
        "zoo_metrics.metrics:mean_average_precision",
        summary="Mean over the classes of the average precision, one-vs-rest: how well answers are ranked; exact",
        tags=("map", "ranking", "multi-label"),
        aliases=("map",),
    ),
    Metric(
        "hamming",
        "zoo_metrics.metrics:hamming",
        summary="Share of wrong answers among all yes-or-no answers (the Hamming loss): lower is better",
        tags=("hamming loss", "multi-label"),
        aliases=("hamming_loss",),
        higher_is_better=False,
    ),
    Metric(
        "confusion_matrix",
        "zoo_metrics.metrics:confusion_matrix",
        summary="Counts (K, K): a row a true class, a column a predicted one",
        tags=("table", "errors"),
    ),
)


@hookimpl
def zoo_metrics() -> Sequence[Metric]:
    """Contribute the metrics."""
    return METRICS
