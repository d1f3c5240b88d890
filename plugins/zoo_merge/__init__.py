"""Merged runs: an ensemble, a soup of weights, or one network distilled from an ensemble."""

from __future__ import annotations

from typing import ClassVar

from zoo.plugin import Component

__all__ = ["Merger"]


class Merger(Component):
    """``f(**params)`` returns a ``zoo_merge.mergers.RunMerger``, which makes one model of several runs."""

    kind: ClassVar[str] = "merger"
