"""Detectors of pictures that show none of a model's classes: fitted, compared, and kept with the model."""

from __future__ import annotations

from typing import ClassVar

from zoo.plugin import Component

__all__ = ["Detector"]


class Detector(Component):
    """``f(**params)`` returns a ``zoo_detectors.fitted.FittedDetector``, not fitted yet.

    It is an ``nn.Module`` with the class attribute ``needs_embeddings``; ``fit(known)`` registers what it learns from
    ``zoo_detectors.fitted.KnownImages`` as buffers, and its call returns a score of each image, (N,) float32, from the
    logits (N, K), and from the embeddings (N, D) where it needs them: higher for images unlike the known ones.
    """

    kind: ClassVar[str] = "detector"
