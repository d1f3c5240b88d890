"""Detectors by the distance of an image's embedding to those of the training images."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from zoo_detectors.fitted import FittedDetector, KnownImages

__all__ = ["Knn", "Mahalanobis", "RelativeMahalanobis"]


class Knn(FittedDetector):
    """Distance to the k-th nearest training image, between embeddings of length 1.

    Source: Y. Sun et al., Out-of-distribution detection with deep nearest neighbors, ICML 2022, arXiv:2204.06507.

    Args:
        k: number of the neighbour.
        bank: largest number of training images that are kept, drawn at random.
    """

    needs_embeddings: ClassVar[bool] = True

    def __init__(self, k: int = 10, bank: int = 5000):
        super().__init__()
        self.k, self.bank_size = k, bank

    def fit(self, known: KnownImages) -> None:
        rows = np.random.default_rng(0).permutation(len(known.features))[: self.bank_size]
        self.learn(bank=normalize(known.features[torch.from_numpy(np.sort(rows))], dim=1))

    def forward(self, logits: Tensor, embeddings: Tensor) -> Tensor:
        # In float64: near 0 the root enlarges rounding, by which an exported file would differ from the model.
        bank, vectors = (normalize(each.double(), dim=1) for each in (self.get_buffer("bank"), embeddings))
        nearest = (vectors @ bank.T).topk(min(self.k, len(bank)), dim=1).values[:, -1]
        return (2 - 2 * nearest).clamp(min=0).sqrt().float()


class Mahalanobis(FittedDetector):
    """Smallest squared Mahalanobis distance to the mean of a class, with the covariance that all classes share.

    The covariance is shrunk by the Ledoit-Wolf rule, so that it can be inverted with fewer images than dimensions.
    Source: K. Lee et al., A simple unified framework for detecting out-of-distribution samples and adversarial attacks,
    NeurIPS 2018, arXiv:1807.03888.
    """

    needs_embeddings: ClassVar[bool] = True

    def fit(self, known: KnownImages) -> None:
        means, within = _by_class(known)
        whitening = _whitening(within, *_shrinkage(within))
        self.learn(whitening=whitening, means=means @ whitening)

    def forward(self, logits: Tensor, embeddings: Tensor) -> Tensor:
        return _nearest(embeddings @ self.get_buffer("whitening"), self.get_buffer("means"))


class RelativeMahalanobis(FittedDetector):
    """Mahalanobis distance to the nearest class, less the one to all training images together.

    Both covariances are shrunk by the same amount: two amounts would differ most for images that are far from all.
    Source: J. Ren et al., A simple fix to Mahalanobis distance for improving near-OOD detection, 2021,
    arXiv:2106.09022.
    """

    needs_embeddings: ClassVar[bool] = True

    def fit(self, known: KnownImages) -> None:
        means, within = _by_class(known)
        centre = known.features.mean(dim=0, keepdim=True)
        shrinkage, floor = _shrinkage(within)
        own = _whitening(within, shrinkage, floor)
        all_of_them = _whitening(known.features - centre, shrinkage, floor)
        self.learn(whitening=own, means=means @ own, whitening_all=all_of_them, mean_of_all=centre @ all_of_them)

    def forward(self, logits: Tensor, embeddings: Tensor) -> Tensor:
        own = _nearest(embeddings @ self.get_buffer("whitening"), self.get_buffer("means"))
        return own - _nearest(embeddings @ self.get_buffer("whitening_all"), self.get_buffer("mean_of_all"))


def _by_class(known: KnownImages) -> tuple[Tensor, Tensor]:
    """Mean of each class, (C, D), and all embeddings less the mean of their class, (N, D)."""
    present = sorted(set(known.labels.tolist()))
    means = torch.stack([known.features[known.labels == k].mean(dim=0) for k in present])
    place = {k: i for i, k in enumerate(present)}
    return means, known.features - means[[place[k] for k in known.labels.tolist()]]


def _shrinkage(centred: Tensor) -> tuple[float, float]:
    """Weight of the shrinkage of the covariance of embeddings (N, D) of mean 0, and the variance that it shrinks to."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    precise = centred.double().numpy()
    return float(ledoit_wolf_shrinkage(precise, assume_centered=True)), float(np.square(precise).mean())


def _whitening(centred: Tensor, shrinkage: float, variance: float) -> Tensor:
    """Matrix W (D, D) with ``W @ W.T`` the inverse of the shrunk covariance of embeddings (N, D) of mean 0."""
    precise = centred.double().numpy()
    covariance = (1 - shrinkage) * precise.T @ precise / len(precise)
    covariance[np.diag_indices(len(covariance))] += shrinkage * variance
    values, vectors = np.linalg.eigh(covariance)
    floor = max(float(values.max()) * 1e-10, np.finfo(np.float64).tiny)
    return torch.from_numpy(vectors / np.sqrt(np.maximum(values, floor))).float()


def _nearest(whitened: Tensor, means: Tensor) -> Tensor:
    """Squared distance of each row to the nearest mean: (N, D), (C, D) -> (N,)."""
    squares = whitened.square().sum(dim=1, keepdim=True) + means.square().sum(dim=1) - 2 * whitened @ means.T
    return squares.amin(dim=1)
