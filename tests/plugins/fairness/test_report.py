"""The lines about groups: equal groups have no worst, and many small groups are counted."""

from __future__ import annotations

from typing import Any

from zoo_fairness.gaps import FEW
from zoo_fairness.report import group_lines


def document(groups: dict[str, float], images: int) -> dict[str, Any]:
    worst, best = min(groups, key=groups.__getitem__), max(groups, key=groups.__getitem__)
    gap = {"worst": worst, "best": best, "difference": groups[best] - groups[worst], "interval": (-0.1, 0.1)}
    return {
        "column": "site",
        "groups": {name: {"images": images, "accuracy": value} for name, value in groups.items()},
        "compared": list(groups),
        "gaps": {"accuracy": gap},
        "few": FEW,
        "chance": {"accuracy": 1.0},
    }


def said(found: dict[str, Any]) -> str:
    return "\n".join(group_lines(found, {"accuracy": 0.9}))


def test_equal_groups_have_no_worst():
    text = said(document({"A": 1.0, "B": 1.0}, 40))
    assert text.endswith("No gap: all compared groups have the same accuracy, 100.0%.")
    assert "Worst accuracy: A, 90.0%. Best: B, 100.0%." in said(document({"A": 0.9, "B": 1.0}, 40))


def test_many_small_groups_are_counted():
    text = said(document({f"g{i}": i / 100 for i in range(60)}, 2))
    assert (
        "Groups of fewer than 30 images (g0 2, g1 2, g2 2, g3 2, g4 2, g5 2, g6 2, g7 2, g8 2, g9 2 … and 50 more):"
        in text
    )
    assert "(g0 2, g1 2):" in said(document({"g0": 0.5, "g1": 0.6}, 2))
