"""Last layers of extended networks: from features and the old logits to the logits of all classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

__all__ = ["NEIGHBOURS", "LinearScores", "NeighbourScores", "PrototypeScores", "WiderHead", "head_of"]

NEIGHBOURS = 20
"""Number of neighbours that vote, where there are so many."""
SHARPNESS = 0.07
"""Divisor of the similarities before their softmax, as in Wu et al. 2018, arXiv:1805.01978."""
FLOOR = 1e-3
"""Share of the votes that every class has."""


class LinearScores(nn.Module):
    """A linear layer: features (N, D) -> scores (N, K)."""

    def __init__(self, features: int, classes: int):
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, features: Tensor) -> Tensor:
        scores: Tensor = self.linear(features)
        return scores


class PrototypeScores(nn.Module):
    """Scaled cosine similarity of centred features to the mean of each class: (N, D) -> (N, K).

    Source: J. Snell et al., Prototypical networks for few-shot learning, NeurIPS 2017, arXiv:1703.05175; centred and
    normalised: Y. Wang et al., SimpleShot, 2019, arXiv:1911.04623.
    """

    def __init__(self, features: int, classes: int):
        super().__init__()
        self.centre = nn.Parameter(torch.zeros(features))
        self.prototypes = nn.Parameter(torch.zeros(classes, features))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        return self.scale * normalize(features - self.centre, dim=1) @ self.prototypes.T


class NeighbourScores(nn.Module):
    """Logarithm of each class's share of the weighted votes of the nearest stored features: (N, D) -> (N, K).

    A neighbour's weight is the softmax of its cosine similarity, over 0.07. Source: Z. Wu et al., Unsupervised feature
    learning via non-parametric instance discrimination, CVPR 2018, arXiv:1805.01978.

    Args:
        stored: number of stored features.
    """

    bank: Tensor
    votes: Tensor
    centre: Tensor

    def __init__(self, features: int, classes: int, stored: int):
        super().__init__()
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("bank", torch.zeros(stored, features))
        self.register_buffer("votes", torch.zeros(stored, classes))
        self.neighbours = min(NEIGHBOURS, stored)

    def forward(self, features: Tensor) -> Tensor:
        near = normalize(features - self.centre, dim=1) @ self.bank.T  # (N, stored)
        weights, places = near.topk(self.neighbours, dim=1)
        shares = (torch.softmax(weights / SHARPNESS, dim=1).unsqueeze(2) * self.votes[places]).sum(dim=1)
        return ((shares + FLOOR) / (1 + FLOOR * self.votes.shape[1])).log()


class WiderHead(nn.Module):
    """Logits of all classes (N, K + M) from features (N, D) and the logits of the K old classes.

    The old logits pass unchanged, bit for bit: they are concatenated, since a single matrix of K + M rows would round
    its sums in another order. Scores for new classes alone are their logits. Scores for all classes give the new
    classes their share of the probability; the old classes divide the rest as before: a new class has the logit
    ``logsumexp(old logits) + score - logsumexp(scores of the old classes)``.

    Args:
        scores: features -> scores of the new classes, or of all.
        old: number of old classes.
        refitted: the scores of all classes are the logits; the old logits are not used.
    """

    def __init__(self, scores: nn.Module, old: int, *, refitted: bool):
        super().__init__()
        self.scores, self.old, self.refitted = scores, old, refitted
        self.new_alone = isinstance(scores, LinearScores)

    def forward(self, features: Tensor, old: Tensor) -> Tensor:
        scores: Tensor = self.scores(features)
        if self.refitted:
            return scores
        if not self.new_alone:
            shift = old.logsumexp(dim=1, keepdim=True) - scores[:, : self.old].logsumexp(dim=1, keepdim=True)
            scores = scores[:, self.old :] + shift
        return torch.cat([old, scores.to(old.dtype)], dim=1)


def head_of(described: Mapping[str, Any], features: int, old: int, new: int) -> WiderHead:
    """Build the head that a bundle describes, with empty weights.

    Args:
        described: ``name`` (linear, prototypes or knn), ``refitted`` and, for knn, ``stored``.
        features: width of the features.
        old, new: numbers of old and new classes.

    Raises:
        ValueError: the kind is unknown.
    """
    kind, refitted = described.get("name"), bool(described.get("refitted"))
    if kind == "linear":
        scores: nn.Module = LinearScores(features, old + new if refitted else new)
    elif kind == "prototypes":
        scores = PrototypeScores(features, old + new)
    elif kind == "knn":
        scores = NeighbourScores(features, old + new, int(described["stored"]))
    else:
        raise ValueError(f"a head must be linear, prototypes or knn, not {kind!r}")
    return WiderHead(scores, old, refitted=refitted)
