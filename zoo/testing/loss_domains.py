"""What a loss is checked with: outputs and targets of classes, of ordered classes, or of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from zoo.engine.links import Link, QuantileLink, link_of
from zoo.registry.signature import accepts
from zoo.testing.outcome import skip
from zoo.testing.subject import Subject

__all__ = ["Domain", "OfClasses", "OfRanks", "OfValues", "domain_of", "own_link"]


class OfClasses:
    """Logits (n, k) and labels (n,)."""

    given: Mapping[str, Any] = {}
    """Further arguments of the factory."""

    def batch(self, n: int, k: int, seed: int = 0, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """Random outputs of this scale, and targets."""
        generator = torch.Generator().manual_seed(seed)
        return scale * torch.randn(n, k, generator=generator), torch.randint(0, k, (n,), generator=generator)

    def moved(self, outputs: Tensor, targets: Tensor, by: float) -> Tensor:
        """Outputs that are better than the given ones, or worse for a negative number."""
        return outputs + by * one_hot(targets, outputs.shape[1]).float()

    def certain(self, k: int) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Targets (10,), with right, unsure and wrong outputs."""
        targets = torch.arange(10) % k
        right, wrong = (8.0 * one_hot((targets + shift) % k, k).float() - 4 for shift in (0, 1))
        return targets, (right, torch.zeros(10, k), wrong)

    def soft(self, targets: Tensor, k: int) -> Tensor | None:
        """One-hot rows (n, k) of labels; None where targets are mixed as they are."""
        return one_hot(targets, k).float()


@dataclass(frozen=True)
class OfRanks(OfClasses):
    """Outputs as the link of a loss has them for k ordered classes, and labels (n,)."""

    link: Link

    def batch(self, n: int, k: int, seed: int = 0, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """Random outputs of this scale, and targets."""
        generator = torch.Generator().manual_seed(seed)
        width = self.link.width(k)
        return scale * torch.randn(n, width, generator=generator), torch.randint(0, k, (n,), generator=generator)

    def moved(self, outputs: Tensor, targets: Tensor, by: float) -> Tensor:
        """Logits of the ranks below the target raised, and the others lowered; or the reverse."""
        above = targets[:, None] > torch.arange(outputs.shape[1])
        return outputs + by * (2.0 * above - 1)

    def certain(self, k: int) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Targets (10,), with right, unsure and wrong outputs."""
        targets = torch.arange(10) % k
        unsure = torch.zeros(10, self.link.width(k))
        return targets, (self.moved(unsure, targets, 4), unsure, self.moved(unsure, targets, -4))


@dataclass(frozen=True)
class OfValues(OfClasses):
    """Outputs as the link of a loss has them for k values, and values (n, k)."""

    link: Link
    given: Mapping[str, Any] = field(default_factory=lambda: {"regression": True})

    def batch(self, n: int, k: int, seed: int = 0, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """Random outputs of this scale, and targets."""
        generator = torch.Generator().manual_seed(seed)
        outputs = scale * torch.randn(n, self.link.width(k), generator=generator)
        return outputs, torch.randn(n, k, generator=generator)

    def moved(self, outputs: Tensor, targets: Tensor, by: float) -> Tensor:
        """Outputs moved by a share of the way to the targets, or away from them."""
        return outputs + by / 8 * (self._wide(targets) - outputs)

    def certain(self, k: int) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Targets (10, k), with right, unsure and wrong outputs."""
        targets = torch.linspace(-1, 1, 10 * k).view(10, k)
        right = self._wide(targets)
        return targets, (right, right + 1, right - 4)

    def soft(self, targets: Tensor, k: int) -> Tensor | None:
        """None, since values are mixed as they are."""
        return None

    def _wide(self, targets: Tensor) -> Tensor:
        levels = self.link.levels if isinstance(self.link, QuantileLink) else [0.5]
        return targets.repeat_interleave(len(levels), dim=1)


Domain = OfClasses
"""Any of them."""


def own_link(subject: Subject) -> Link:
    """The link of a loss with the parameters of the test.

    Raises:
        Exception: the factory's ``link`` raises, or returns what describes no outputs.
    """
    link = getattr(subject.factory(), "link", None)
    if link is None:
        return link_of(None)
    return link_of(link(**{name: value for name, value in subject.params.items() if accepts(link, name)}))


def domain_of(subject: Subject) -> Domain:
    """What a loss is for, by its declaration: values alone, ordered classes alone, or classes."""
    tasks, factory = set(getattr(subject.component, "tasks", ())), subject.factory()
    if not tasks or tasks & {"single-label", "multi-label"}:
        return OfClasses()
    try:
        link = own_link(subject)
    except Exception:
        skip("its link describes no outputs.")
    return OfValues(link) if tasks == {"regression"} else OfRanks(link) if hasattr(factory, "link") else OfClasses()
