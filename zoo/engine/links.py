"""Links: what the outputs of a network mean where they are neither logits of classes nor one value each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = ["Link", "QuantileLink", "link_of"]

_LEAST = 1e-12
"""Lower bound of a probability that is a difference of two others."""


class Link(Protocol):
    """Meaning of the outputs (N, M) for K classes or values."""

    def width(self, count: int) -> int:
        """M for K classes or values."""

    def read(self, outputs: Tensor) -> Tensor:
        """Convert outputs (N, M) to log-probabilities of the classes, or to values, (N, K)."""


class Identity:
    """An output for each class or value."""

    def width(self, count: int) -> int:
        return count

    def read(self, outputs: Tensor) -> Tensor:
        return outputs


class QuantileLink:
    """Several quantiles of each value, (N, K · Q); the value is that nearest the median.

    Source: R. Koenker, G. Bassett, RegressionTask quantiles, Econometrica 46 (1978).

    Args:
        levels: the Q levels in 0..1, ascending.
    """

    def __init__(self, levels: list[float]):
        self.levels = list(levels)
        self.middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))

    def width(self, count: int) -> int:
        return count * len(self.levels)

    def read(self, outputs: Tensor) -> Tensor:
        return outputs[:, self.middle :: len(self.levels)]

    def ends(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest quantile of each value, (N, K) each; sorted where the network crosses them."""
        each = outputs.reshape(len(outputs), -1, len(self.levels))
        return each.amin(dim=2), each.amax(dim=2)


class CornLink:
    """K - 1 conditional logits: output k says whether the rank is above k, given that it is at least k.

    Source: X. Shi, W. Cao, S. Raschka, Deep neural networks for rank-consistent ordinal regression based on
    conditional probabilities, 2021, arXiv:2111.08851.
    """

    def width(self, count: int) -> int:
        return count - 1

    def read(self, outputs: Tensor) -> Tensor:
        above = torch.nn.functional.pad(logsigmoid(outputs).cumsum(dim=1), (1, 0))  # log P(rank >= k), from 0
        stays = torch.nn.functional.pad(logsigmoid(-outputs), (0, 1))
        return above + stays


class CumulativeLink:
    """K - 1 logits: output k says whether the rank is above k. Differences that are negative count as almost 0.

    Source: E. Frank, M. Hall, A simple approach to ordinal classification, ECML 2001.
    """

    def width(self, count: int) -> int:
        return count - 1

    def read(self, outputs: Tensor) -> Tensor:
        above = torch.nn.functional.pad(outputs.sigmoid(), (1, 0), value=1.0)
        following = torch.nn.functional.pad(outputs.sigmoid(), (0, 1))
        probs = (above - following).clamp_min(_LEAST)
        return (probs / probs.sum(dim=1, keepdim=True)).log()


def link_of(said: Mapping[str, Any] | None) -> Link:
    """Create a link from plain data: ``{"kind": "quantiles", "levels": …}``, ``corn`` or ``cumulative``.

    Raises:
        ValueError: the kind is unknown.
    """
    kind = (said or {}).get("kind", "identity")
    plain: dict[str, type[Identity | CornLink | CumulativeLink]] = {
        "identity": Identity,
        "corn": CornLink,
        "cumulative": CumulativeLink,
    }
    if kind == "quantiles" and said is not None:
        return QuantileLink(said["levels"])
    if kind not in plain:
        raise ValueError(f"unknown link {kind!r}; valid are quantiles, {', '.join(plain)}")
    return plain[kind]()
