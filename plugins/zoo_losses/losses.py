"""Losses of logits (N, K) and targets: labels (N,) int64, or probabilities (N, K); some support multi-label targets.

Each is a pure function under a thin module. Half-precision logits are converted to float32; all return a scalar,
the mean over the batch, with a finite gradient for extreme logits.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo_losses.precision import full_precision
from zoo_losses.values import squared_error

__all__ = [
    "MSE",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Focal",
    "SoftF1",
    "binary_cross_entropy",
    "cross_entropy",
    "focal",
    "mse",
    "soft_f1",
    "total_weight",
]


def cross_entropy(
    logits: Tensor, targets: Tensor, label_smoothing: float = 0.0, class_weights: Tensor | None = None
) -> Tensor:
    """Softmax cross entropy; with class weights, divided by the sum of the targets' weights, as torch does for labels.

    Args:
        logits: (N, K) float.
        targets: (N,) int64, or (N, K) probabilities.
        label_smoothing: share in 0..1 of every target that is spread evenly over the classes.
        class_weights: (K,) float, one factor a class.
    """
    logits = full_precision(logits)
    goal = targets if targets.ndim == 1 else _probabilities(targets, logits)
    if class_weights is None:
        return F.cross_entropy(logits, goal, label_smoothing=label_smoothing)
    weights = class_weights.to(logits.dtype)
    # torch's own mean divides soft targets by N instead; one rule makes labels and one-hot rows agree.
    total = F.cross_entropy(logits, goal, weight=weights, label_smoothing=label_smoothing, reduction="sum")
    weight = total_weight(goal, weights)
    return total / weight.clamp_min(torch.finfo(logits.dtype).tiny)  # a batch of weightless classes alone gives 0


def total_weight(targets: Tensor, class_weights: Tensor) -> Tensor:
    """Sum of the targets' class weights, a scalar: the divisor of their weighted mean.

    Args:
        targets: (N,) int64, or (N, K) probabilities.
        class_weights: (K,) float, one factor a class.
    """
    if targets.ndim == 1:
        return class_weights[targets].sum()
    return (targets.to(class_weights.dtype) @ class_weights).sum()


def binary_cross_entropy(
    logits: Tensor, targets: Tensor, label_smoothing: float = 0.0, multilabel: bool = False
) -> Tensor:
    """Sigmoid cross entropy: of the log-odds ``logits[:, 1] - logits[:, 0]`` for K = 2, else one-vs-rest.

    Two-column logits (0, z) thus train exactly like the single sigmoid unit z of a binary classifier. For
    K > 2, and for any K with multi-label targets, every logit is an independent binary output; the mean is over
    samples and classes.

    Args:
        logits: (N, K) float.
        targets: (N,) int64, or (N, K) probabilities.
        label_smoothing: in 0..1; a target t becomes ``t * (1 - label_smoothing) + label_smoothing / 2``.
        multilabel: classes are independent binary labels, also for K = 2.
    """
    logits = full_precision(logits)
    probs = _probabilities(targets, logits)
    if logits.shape[1] == 2 and not multilabel:
        logits, probs = logits[:, 1] - logits[:, 0], probs[:, 1]
    return F.binary_cross_entropy_with_logits(logits, probs * (1 - label_smoothing) + label_smoothing / 2)


def mse(logits: Tensor, targets: Tensor) -> Tensor:
    """Squared error between softmax probabilities and targets, mean over samples and classes; in 0..1.

    K times this is the Brier score as first defined (Brier 1950, "Verification of forecasts expressed in terms of
    probability", Monthly Weather Review 78).

    Args:
        logits: (N, K) float.
        targets: (N,) int64, or (N, K) probabilities.
    """
    logits = full_precision(logits)
    return F.mse_loss(logits.softmax(1), _probabilities(targets, logits))


def focal(
    logits: Tensor, targets: Tensor, gamma: float = 2.0, alpha: Tensor | None = None, multilabel: bool = False
) -> Tensor:
    """Focal loss, ``-alpha_y (1 - p_y)^gamma log p_y``, mean over samples (Lin et al. 2017, arXiv:1708.02002, eq. 5).

    For soft targets it is the expectation over the target's distribution. With ``gamma=0`` and no ``alpha`` it is
    cross entropy. For multi-label targets it is the paper's form with a sigmoid for each class; the mean is over
    samples and classes, and ``gamma=0`` is binary cross entropy.

    Args:
        logits: (N, K) float.
        targets: (N,) int64, or (N, K) probabilities.
        gamma: focusing parameter, at least 0; larger values down-weight easy samples more.
        alpha: (K,) float, factor of each class; the mean is not normalised by it.
        multilabel: classes are independent binary labels.
    """
    logits = full_precision(logits)
    if multilabel:
        return _sigmoid_focal(logits, _probabilities(targets, logits), gamma, alpha)
    log_probs = logits.log_softmax(1)
    # Kept off 0, where the power's own gradient is infinite for gamma < 1.
    missing = (-log_probs.expm1()).clamp_min(torch.finfo(logits.dtype).eps)
    terms = _probabilities(targets, logits) * missing**gamma * log_probs
    if alpha is not None:
        terms = terms * alpha.to(logits.dtype)
    return -terms.sum(1).mean()


def _sigmoid_focal(logits: Tensor, probs: Tensor, gamma: float, alpha: Tensor | None) -> Tensor:
    total = torch.zeros_like(logits)
    for share, answer in ((probs, logits), (1 - probs, -logits)):  # of yes, and of no
        missing = torch.sigmoid(-answer).clamp_min(torch.finfo(logits.dtype).eps)
        total = total - share * missing**gamma * F.logsigmoid(answer)
    return (total if alpha is None else total * alpha.to(logits.dtype)).mean()


def soft_f1(logits: Tensor, targets: Tensor, multilabel: bool = False) -> Tensor:
    """1 - macro F1 with probabilities in place of counts, over the classes that occur in the batch's targets; in 0..1.

    Per class ``F1 = 2 tp / (predicted + actual)``, where tp sums ``p * t`` and the others p and t over the batch.
    A class that is absent from the targets has no F1; its predicted probability lowers that of the others.

    Args:
        logits: (N, K) float.
        targets: (N,) int64, or (N, K) probabilities.
        multilabel: classes are independent binary labels, with a sigmoid instead of the softmax.
    """
    logits = full_precision(logits)
    probs, wanted = logits.sigmoid() if multilabel else logits.softmax(1), _probabilities(targets, logits)
    actual = wanted.sum(0)  # (K,)
    present = (actual > 0).to(logits.dtype)
    f1 = 2 * (probs * wanted).sum(0) / (probs.sum(0) + actual).clamp_min(torch.finfo(logits.dtype).eps)
    return 1 - (f1 * present).sum() / present.sum().clamp_min(1)


class CrossEntropy(nn.Module):
    """Softmax cross entropy; see :func:`cross_entropy`.

    Args:
        label_smoothing: share in 0..1 of every target that is spread evenly over the classes.
        class_weights: weight of each class, in the order of the class names; for imbalanced data.
        num_classes: set by the job, to check the number of weights.

    Raises:
        ValueError: ``label_smoothing`` is outside 0..1, or ``class_weights`` has the wrong length, a negative or
            only zeros.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        label_smoothing: float = 0.0,
        class_weights: list[float] | None = None,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        self.label_smoothing = _smoothing(label_smoothing)
        self.register_buffer("class_weights", _per_class("class_weights", class_weights, num_classes))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        _check_length("class_weights", self.class_weights, logits.shape[1])
        return cross_entropy(logits, targets, self.label_smoothing, self.class_weights)

    def weight_of(self, targets: Tensor) -> Tensor | None:
        """Divisor of the loss, a scalar; None where it is the number of targets."""
        return None if self.class_weights is None else total_weight(targets, self.class_weights)


class BinaryCrossEntropy(nn.Module):
    """Sigmoid cross entropy; see :func:`binary_cross_entropy`.

    Args:
        label_smoothing: strength of the shift of targets towards one half, in 0..1.
        multilabel: set by the job; images may have several labels.

    Raises:
        ValueError: ``label_smoothing`` is outside 0..1.
    """

    def __init__(self, label_smoothing: float = 0.0, multilabel: bool = False) -> None:
        super().__init__()
        self.label_smoothing, self.multilabel = _smoothing(label_smoothing), multilabel

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return binary_cross_entropy(logits, targets, self.label_smoothing, self.multilabel)


class MSE(nn.Module):
    """Mean squared error: of the probabilities, see :func:`mse`, or of values.

    Args:
        regression: set by the job; targets are values (N, K), and the error is that of the outputs themselves.
    """

    def __init__(self, regression: bool = False) -> None:
        super().__init__()
        self.regression = regression

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return squared_error(logits, targets) if self.regression else mse(logits, targets)


class Focal(nn.Module):
    """Focal loss; see :func:`focal`.

    Args:
        gamma: focusing parameter, at least 0; larger values down-weight easy samples more.
        alpha: factor of each class, in the order of the class names.
        num_classes: set by the job, to check the length of ``alpha``.
        multilabel: set by the job; images may have several labels.

    Raises:
        ValueError: ``gamma`` is negative, or ``alpha`` has the wrong length, a negative or only zeros.
    """

    alpha: Tensor | None

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: list[float] | None = None,
        num_classes: int | None = None,
        multilabel: bool = False,
    ) -> None:
        super().__init__()
        if not gamma >= 0:
            raise ValueError(f"gamma is {gamma}; it must be at least 0 (0 is cross entropy, 2 the paper's choice)")
        self.gamma, self.multilabel = gamma, multilabel
        self.register_buffer("alpha", _per_class("alpha", alpha, num_classes))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        _check_length("alpha", self.alpha, logits.shape[1])
        return focal(logits, targets, self.gamma, self.alpha, self.multilabel)


class SoftF1(nn.Module):
    """1 - macro F1 over probabilities; see :func:`soft_f1`.

    Args:
        multilabel: set by the job; images may have several labels.
    """

    needs_whole_batch = True

    def __init__(self, multilabel: bool = False) -> None:
        super().__init__()
        self.multilabel = multilabel

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return soft_f1(logits, targets, self.multilabel)


def _probabilities(targets: Tensor, logits: Tensor) -> Tensor:
    """Convert targets to probabilities (N, K) in the logits' dtype."""
    if targets.ndim == 1:
        return F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    if targets.shape != logits.shape:
        raise ValueError(
            f"targets have shape {tuple(targets.shape)} and logits {tuple(logits.shape)};"
            " targets must be labels (N,) or probabilities of the logits' shape (N, K)"
        )
    return targets.to(logits.dtype)


def _smoothing(label_smoothing: float) -> float:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is {label_smoothing}; it must be in 0..1 (0.1 is usual)")
    return label_smoothing


def _per_class(name: str, values: list[float] | None, num_classes: int | None) -> Tensor | None:
    if values is None:
        return None
    weights = torch.tensor(values, dtype=torch.float32)
    if not (weights.isfinite().all() and (weights >= 0).all() and weights.sum() > 0):
        raise ValueError(f"{name} is {values}; it must hold finite numbers of at least 0, not all of them 0")
    if num_classes is not None:
        _check_length(name, weights, num_classes)
    return weights


def _check_length(name: str, weights: Tensor | None, num_classes: int) -> None:
    if weights is not None and len(weights) != num_classes:
        raise ValueError(f"{name} has {len(weights)} values, but there are {num_classes} classes; give one per class")
