"""Detectors by the part of an embedding that lies outside of the main directions of the training images."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from zoo_detectors.fitted import FittedDetector, KnownImages

__all__ = ["Residual", "ViM"]


class Residual(FittedDetector):
    """Length of the embedding outside of the principal subspace of the training images.

    Source: H. Wang et al., ViM: out-of-distribution with virtual-logit matching, CVPR 2022, arXiv:2203.10807.

    Args:
        dimensions: dimensions of the subspace; by default as in the paper, and half of a short embedding.
    """

    needs_embeddings: ClassVar[bool] = True

    def __init__(self, dimensions: int | None = None):
        super().__init__()
        self.dimensions = dimensions

    def fit(self, known: KnownImages) -> None:
        origin = _origin(known)
        self.learn(origin=origin, outside=_outside(known.features - origin, self.dimensions))

    def length(self, embeddings: Tensor) -> Tensor:
        """Length of the part outside of the subspace, (N,)."""
        outside = (embeddings - self.get_buffer("origin")) @ self.get_buffer("outside")
        return outside.square().sum(dim=1).sqrt()

    def forward(self, logits: Tensor, embeddings: Tensor) -> Tensor:
        return self.length(embeddings)


class ViM(Residual):
    """Virtual-logit matching: the length outside of the subspace, in units of the largest logit, less the energy.

    Source: H. Wang et al., ViM: out-of-distribution with virtual-logit matching, CVPR 2022, arXiv:2203.10807.

    Args:
        dimensions: dimensions of the subspace; by default as in the paper, and half of a short embedding.
    """

    def fit(self, known: KnownImages) -> None:
        super().fit(known)
        length = self.length(known.features).mean()
        self.learn(scale=known.logits.amax(dim=1).mean() / length.clamp(min=1e-12))

    def forward(self, logits: Tensor, embeddings: Tensor) -> Tensor:
        return self.get_buffer("scale") * self.length(embeddings) - logits.logsumexp(dim=1)


def _origin(known: KnownImages) -> Tensor:
    """The embedding whose logits are all 0; the mean where the last layer is unknown."""
    if known.weight is None or known.bias is None:
        return known.features.mean(dim=0)
    origin: Tensor = -(torch.linalg.pinv(known.weight.double()) @ known.bias.double())
    return origin.float()


def _outside(centred: Tensor, dimensions: int | None) -> Tensor:
    """Orthonormal basis (D, R) of the directions of least variance."""
    width = centred.shape[1]
    inside = dimensions or (1000 if width > 1500 else 512 if width > 767 else width // 2)
    vectors: Tensor = torch.linalg.eigh(centred.double().T @ centred.double() / len(centred)).eigenvectors
    return vectors[:, : max(1, width - inside)].float()  # the eigenvalues ascend
