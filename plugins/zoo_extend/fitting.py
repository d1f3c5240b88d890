"""Heads fitted on features: logistic regression with fixed columns, class means, and stored neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, one_hot

from zoo_extend.heads import LinearScores, NeighbourScores, PrototypeScores, WiderHead

__all__ = ["FittingData", "fit"]

STEPS = 200
"""Maximum number of steps of L-BFGS."""
COARSEST, FINEST = 0.0, 6.0
"""Range of the logarithm of a prototype's scale."""


@dataclass(frozen=True)
class FittingData:
    """The images that a head is fitted on.

    Args:
        features: (N, D) float32.
        logits: (N, K) float32, of the old network.
        targets: (N,) int64, 0..K+M-1: the old classes come first.
    """

    features: Tensor
    logits: Tensor
    targets: Tensor


def fit(head: WiderHead, data: FittingData) -> None:
    """Fit a head in place; its result depends on the images and on nothing random."""
    scores = head.scores
    if isinstance(scores, LinearScores):
        _fit_linear(scores, data, None if head.refitted else data.logits)
    elif isinstance(scores, PrototypeScores):
        _fit_prototypes(scores, data)
    else:
        assert isinstance(scores, NeighbourScores)
        _store(scores, data)


def _fit_linear(scores: LinearScores, data: FittingData, fixed: Tensor | None) -> None:
    """Fit a linear layer by logistic regression, beside fixed logits where there are some.

    The loss is convex: the mean cross-entropy over all classes and, as scikit-learn's LogisticRegression with C = 1
    has it, half the squared norm of the weights over the number of images, on standardised features.
    """
    mean, std = data.features.mean(dim=0), data.features.std(dim=0, correction=0)
    std = torch.where(std > 0, std, 1.0)
    inputs = ((data.features - mean) / std).double()
    held = None if fixed is None else fixed.double()
    weight = torch.zeros(scores.linear.out_features, inputs.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(scores.linear.out_features, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=STEPS, tolerance_grad=1e-6, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        own = inputs @ weight.T + bias
        logits = own if held is None else torch.cat([held, own], dim=1)
        loss = cross_entropy(logits, data.targets) + weight.square().sum() / (2 * len(inputs))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        scores.linear.weight.copy_(weight / std)
        scores.linear.bias.copy_(bias - (weight / std) @ mean.double())


def _fit_prototypes(scores: PrototypeScores, data: FittingData) -> None:
    """Set the class means, and the scale with the smallest cross-entropy.

    For the scale an image's own class is the mean of its others: with few images their mean is closer to each of them
    than to any other image.
    """
    from scipy.optimize import minimize_scalar  # takes half a second to import

    centre = _centre(data, scores.prototypes.shape[0])
    points = normalize(data.features - centre, dim=1)
    belongs = one_hot(data.targets, scores.prototypes.shape[0]).float()
    sums, counts = belongs.T @ points, belongs.sum(dim=0)
    near = points @ normalize(sums, dim=1).T
    others = sums[data.targets] - points
    without = (points * normalize(others, dim=1)).sum(dim=1)
    several = counts[data.targets] > 1
    own = near[torch.arange(len(points)), data.targets]
    near[torch.arange(len(points)), data.targets] = torch.where(several, without, own)
    found = minimize_scalar(
        lambda log_scale: float(cross_entropy(math.exp(log_scale) * near, data.targets)),
        bounds=(COARSEST, FINEST),
        method="bounded",
    )
    with torch.no_grad():
        scores.centre.copy_(centre)
        scores.prototypes.copy_(normalize(sums, dim=1))
        scores.scale.fill_(math.exp(float(found.x)))


def _store(scores: NeighbourScores, data: FittingData) -> None:
    """Store the features with their classes."""
    centre = _centre(data, scores.votes.shape[1])
    scores.centre.copy_(centre)
    scores.bank.copy_(normalize(data.features - centre, dim=1))
    scores.votes.copy_(one_hot(data.targets, scores.votes.shape[1]).float())


def _centre(data: FittingData, classes: int) -> Tensor:
    """Mean of the class means (D,), so that a class of many images has no more weight than one of few."""
    belongs = one_hot(data.targets, classes).float()
    return ((belongs.T @ data.features) / belongs.sum(dim=0)[:, None]).mean(dim=0)
