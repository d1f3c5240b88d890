"""What a trial of ways to execute a network has measured, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["tried"]


def tried(trial: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The ways that were tried: of training, compiled or not, and of answering; (what, in words) each."""
    if not trial:
        return []
    rows = {
        "candidates": ("tried", f"images/s there and back ({trial['how']})"),
        "compiled": ("compiled", "images/s there and back"),
        "evaluation": ("answers", "images/s"),
    }
    return [(what, f"{_ways(trial[key])} {unit}") for key, (what, unit) in rows.items() if key in trial]


def _ways(candidates: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(
        f"{c['precision']} {c['memory_format'].replace('_', ' ')}{' compiled' if c.get('compiled') else ''} "
        f"{c['images_per_second']:,.1f}"
        for c in candidates
    )
