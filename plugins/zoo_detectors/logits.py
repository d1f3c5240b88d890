"""Detectors on the logits alone, which any network has."""

from __future__ import annotations

from torch import Tensor

from zoo_detectors.fitted import FittedDetector, KnownImages

__all__ = ["Energy", "MaxLogit", "MaxSoftmax"]


class MaxSoftmax(FittedDetector):
    """One minus the probability of the most probable class.

    Source: D. Hendrycks and K. Gimpel, A baseline for detecting misclassified and out-of-distribution examples in
    neural networks, ICLR 2017, arXiv:1610.02136.
    """

    def forward(self, logits: Tensor) -> Tensor:
        return 1 - logits.softmax(dim=1).amax(dim=1)


class _Centring(FittedDetector):
    """Detector on logits up to a constant, as two classes of one logit have (0, z)."""

    def fit(self, known: KnownImages) -> None:
        self.learn(centred=known.logits.shape[1] == 2 and not bool(known.logits[:, 0].any()))

    def levels(self, logits: Tensor) -> Tensor:
        """Logits, less their mean where the network has one logit for two classes."""
        centred: Tensor = self.get_buffer("centred")
        return logits - centred * logits.mean(dim=1, keepdim=True)


class MaxLogit(_Centring):
    """Minus the largest logit.

    Source: D. Hendrycks et al., Scaling out-of-distribution detection for real-world settings, ICML 2022,
    arXiv:1911.11132.
    """

    def forward(self, logits: Tensor) -> Tensor:
        return -self.levels(logits).amax(dim=1)


class Energy(_Centring):
    """Free energy: minus the logarithm of the sum of the exponentials of the logits.

    Source: W. Liu et al., Energy-based out-of-distribution detection, NeurIPS 2020, arXiv:2010.03759.
    """

    def forward(self, logits: Tensor) -> Tensor:
        return -self.levels(logits).logsumexp(dim=1)
