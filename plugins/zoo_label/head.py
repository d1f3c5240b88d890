"""A linear head on the pool's features: logistic regression, beside a trained model's logits where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

__all__ = ["BaseLogits", "Probs", "fit_head", "standardised"]

Probs = NDArray[np.float32]

STEPS = 100
"""Maximum number of steps of L-BFGS."""
STRENGTH = 1.0
"""Inverse strength of the L2 penalty, as C of scikit-learn's LogisticRegression, on features of unit variance."""


@dataclass(frozen=True)
class BaseLogits:
    """Logits of a trained model, which a head corrects.

    Args:
        classes: names of the K classes.
        logits: (N, K) float32, of the pool.
    """

    classes: tuple[str, ...]
    logits: NDArray[np.float32]

    def of(self, classes: tuple[str, ...]) -> NDArray[np.float32] | None:
        """The logits of these classes, in this order; None where the model does not know all of them."""
        if not set(classes) <= set(self.classes):
            return None
        return self.logits[:, [self.classes.index(name) for name in classes]]


def standardised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each feature (N, D) to mean 0 and variance 1 over the pool, and the whole to norms of about sqrt(D)."""
    if not len(features):  # no picture of the pool can be read
        return features
    std = features.std(axis=0)
    found: NDArray[np.float32] = (features - features.mean(axis=0)) / np.where(std > 1e-6, std, 1).astype(np.float32)
    return found


def fit_head(
    features: NDArray[np.float32], labels: Mapping[int, int], classes: int, fixed: NDArray[np.float32] | None = None
) -> Probs:
    """Fit a linear head to the labelled pictures, and predict all of them.

    The loss is convex: the cross-entropy summed over the labelled pictures, and half the squared norm of the weights.

    Args:
        features: (N, D), standardised.
        labels: index of the class, by picture.
        classes: number of classes K.
        fixed: (N, K) logits of a trained model, to which those of the head are added.

    Returns:
        Probabilities (N, K) float32.
    """
    rows = np.fromiter(labels, np.int64, len(labels))
    targets = torch.tensor([labels[int(row)] for row in rows])
    inputs = torch.from_numpy(features[rows]).double()
    held = torch.zeros(len(rows), classes).double() if fixed is None else torch.from_numpy(fixed[rows]).double()
    weight = torch.zeros(classes, features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=STEPS, tolerance_grad=1e-4, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = inputs @ weight.T + bias + held
        loss = cross_entropy(logits, targets, reduction="sum") + weight.square().sum() / (2 * STRENGTH)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    if len(rows):
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        logits = torch.from_numpy(features) @ weight.float().T + bias.float()
        if fixed is not None:
            logits += torch.from_numpy(fixed)
        probs: Probs = logits.softmax(dim=1).numpy()
    return probs
