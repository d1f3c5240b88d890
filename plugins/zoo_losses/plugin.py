"""Components of the plugin zoo_losses."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Loss, hookimpl


@hookimpl
def zoo_losses() -> Iterator[Loss]:
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
        summary="Mean squared error between probabilities and targets (Brier score), robust to label noise",
        tags=("brier", "regression", "noisy labels"),
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
