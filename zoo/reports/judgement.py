"""What a report says of a training, in words and figures."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Verdict"]


@dataclass(frozen=True)
class Verdict:
    """A judgement of a result.

    Args:
        kind: ``failed``, ``interrupted``, ``unscored``, ``leakage``, ``normalisation``, ``rate-too-high``,
            ``rate-too-low``, ``collapsed``, ``baseline``, ``label-noise``, ``imbalance``, ``few``, ``overfitting``,
            ``underfitting``, ``good`` or ``scored`` (an evaluation: there was no training to judge).
        headline: what it comes to, in a sentence or two.
        evidence: the figures that speak for it, a sentence each.
        advice: what to try, each ``"why: zoo …"``, the command ready to be typed.
        cost: the accuracy that the cause costs, or feigns, 0..1; 1 where it makes all other figures worthless.
    """

    kind: str
    headline: str
    evidence: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    cost: float = 1.0
