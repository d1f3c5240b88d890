"""Components of the plugin zoo_losses."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Loss, hookimpl


@hookimpl
def zoo_losses() -> Iterator[Loss]:
    yield from _of_classes()
    yield from _of_values()
    yield from _of_ranks()


def _of_classes() -> Iterator[Loss]:
    yield Loss(
        "cross_entropy",
        "zoo_losses.losses:CrossEntropy",
        summary="Softmax cross entropy, with label smoothing and class weights; the usual choice",
        tags=("softmax", "label smoothing", "imbalanced"),
        aliases=("ce",),
    )
    yield Loss(
        "binary_cross_entropy",
        "zoo_losses.losses:BinaryCrossEntropy",
        summary="Sigmoid cross entropy on the log-odds for two classes, one-vs-rest for more",
        tags=("sigmoid", "binary", "one-vs-rest", "keras", "multi-label"),
        aliases=("bce",),
    )
    yield Loss(
        "mse",
        "zoo_losses.losses:MSE",
        summary="Mean squared error: of values in a regression, else of probabilities (Brier score)",
        tags=("brier", "regression", "noisy labels"),
        tasks=("single-label", "regression"),
    )
    yield Loss(
        "focal",
        "zoo_losses.losses:Focal",
        summary="Cross entropy with less weight on easy samples, for rare classes (Lin et al. 2017)",
        tags=("imbalanced", "hard examples", "multi-label"),
    )
    yield Loss(
        "soft_f1",
        "zoo_losses.losses:SoftF1",
        summary="1 - macro F1 of probabilities, a differentiable F1; needs batches with every class",
        tags=("f1", "imbalanced", "multi-label"),
    )


def _of_values() -> Iterator[Loss]:
    yield Loss(
        "l1",
        "zoo_losses.values:L1",
        summary="Mean absolute error of values: predicts the median, robust to outliers",
        tags=("mae", "regression", "robust"),
        aliases=("mae",),
        tasks=("regression",),
    )
    yield Loss(
        "huber",
        "zoo_losses.values:Huber",
        summary="Squared error of small errors of values, absolute error of large ones (Huber 1964)",
        tags=("smooth l1", "regression", "robust"),
        aliases=("smooth_l1",),
        tasks=("regression",),
    )
    yield Loss(
        "quantile",
        "zoo_losses.values:Quantile",
        summary="Quantiles of values, such as the median and an interval (Koenker & Bassett 1978)",
        tags=("pinball", "interval", "regression"),
        aliases=("pinball",),
        tasks=("regression",),
    )


def _of_ranks() -> Iterator[Loss]:
    yield Loss(
        "corn",
        "zoo_losses.ranks:CornLoss",
        summary="Ordered classes by conditional probabilities of exceeding each rank (Shi et al. 2021)",
        tags=("ordinal", "rank"),
        tasks=("ordinal",),
    )
    yield Loss(
        "ordinal",
        "zoo_losses.ranks:OrdinalLoss",
        summary="Ordered classes by the probability of exceeding each rank (Frank & Hall 2001)",
        tags=("ordinal", "rank", "cumulative"),
        aliases=("cumulative",),
        tasks=("ordinal",),
    )
