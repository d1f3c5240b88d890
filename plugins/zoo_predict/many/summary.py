"""Counts of an output: its rows, and the images without a prediction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from zoo_predict.many.predictor import DEPTH, Row

__all__ = ["ManySummary"]

_NAMED = 5


@dataclass
class ManySummary:
    """Counts of an output.

    Args:
        rows: number of its rows.
        failed: number of images without a prediction, those of earlier processes among them.
        reasons: sentences for the first of them in this process.
        depths: number of images of each bit depth beyond 8, in this process.
    """

    rows: int = 0
    failed: int = 0
    reasons: list[str] = field(default_factory=list)
    depths: Counter[str] = field(default_factory=Counter)

    def add(self, rows: list[Row]) -> None:
        """Count rows."""
        self.rows += len(rows)
        bad = [row for row in rows if row["error"]]
        self.failed += len(bad)
        self.reasons += [f"{row['path']}: {row['error']}" for row in bad[: _NAMED - len(self.reasons)]]
        self.depths.update(row[DEPTH] for row in rows if row.get(DEPTH))
