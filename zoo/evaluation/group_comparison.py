"""Paired comparison of runs within each group of images, by a column that is stored with the predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.engine.statistics import CONFIDENCE, holm
from zoo.errors import RequestError
from zoo.registry.suggest import did_you_mean, listing
from zoo.runner.predictions import Predictions

__all__ = ["compare_groups"]

Document = Mapping[str, Any]
Compare = Callable[[Mapping[str, Predictions]], Document]


def compare_groups(same: Mapping[str, Predictions], column: str, compare: Compare) -> list[Document]:
    """Compare runs within each group of images.

    Args:
        same: predictions by run, for the same images in the same order.
        column: name of a column that an analysis stored with the predictions of a run.
        compare: compares predictions with the first of them.

    Returns:
        ``group``, ``images`` and what ``compare`` returned of each group; its p-values are adjusted for all groups.

    Raises:
        RequestError: no run has the column.
    """
    member = np.asarray(_values(same, column))
    found: list[Document] = []
    for group in sorted(set(member.tolist())):
        rows = np.flatnonzero(member == group)
        parts = {name: kept.part(rows) for name, kept in same.items()}
        found.append({"group": group, "images": len(rows), **compare(parts)})
    compared = [row for each in found for row in each["comparisons"]]
    for row in compared:
        del row["verdict"]  # by p-values of the group alone
    _adjust(compared)
    return found


def _values(same: Mapping[str, Predictions], column: str) -> Sequence[str]:
    for kept in same.values():
        if column in kept.columns:
            return kept.columns[column]
    known = list(dict.fromkeys(name for kept in same.values() for name in kept.columns))
    first = next(iter(same))
    has = f" They have: {listing(known)}." if known else ""
    raise RequestError(
        f"The predictions of these runs have no column {column!r}.{did_you_mean(column, known)}{has} To store it: zoo "
        f"evaluate {first} --group {column} --keep"
    )


def _adjust(rows: Sequence[Document]) -> None:
    """Adjust the p-values of each metric for all groups and runs, by Holm's method."""
    for metric in rows[0]["metrics"] if rows else ():
        figures = [row["metrics"][metric] for row in rows]
        for each, p in zip(figures, holm([each["p"] for each in figures]), strict=True):
            each["p_holm"], each["significant"] = p, p < 1 - CONFIDENCE
