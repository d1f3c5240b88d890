"""The field ``familiar`` of a prediction, decided by the detector that is attached to the model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from torch import Tensor

from zoo.api.jobs import Registry

__all__ = ["DetectorField"]


class DetectorField:
    """A detector in use.

    Args:
        facts: ``detector`` (its ``id`` and ``params``), ``needs_embeddings`` and ``threshold``.
        tensors: what the detector has learned.
        registry: registry of the detectors.
    """

    names = ("familiar",)

    def __init__(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor], registry: Registry):
        self._entry = registry.find("detector", facts["detector"]["id"])
        self._params, self._tensors = facts["detector"].get("params") or {}, tensors
        self.needs_embeddings, self.threshold = bool(facts["needs_embeddings"]), float(facts["threshold"])

    @cached_property
    def score(self) -> Any:
        """The detector: a module of logits (N, K), and embeddings (N, D) where it needs them, -> (N,)."""
        found = self._entry.make(**self._params)
        found.restore(self._tensors)
        return found.eval()

    def fields(self, scores: Tensor) -> list[dict[str, Any]]:
        """``familiar`` of each image: False where the score (N,) is above the threshold."""
        return [{"familiar": score <= self.threshold} for score in scores.tolist()]
