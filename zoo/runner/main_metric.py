"""The main metric of a task: the one number that stands for a result.

It is the accuracy where answers are classes, and the mean absolute error where they are values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ACCURACY", "ERROR", "MainMetric", "main_metric", "main_metric_of", "value_text"]

UNKNOWN = "–"


class MainScores(Protocol):
    """Metrics of a split, of an epoch, or of a baseline."""

    @property
    def accuracy(self) -> float | None:
        """Share of correct answers, 0..1."""

    @property
    def mae(self) -> float | None:
        """Mean absolute error, in the unit of the data."""


@dataclass(frozen=True)
class MainMetric:
    """The main metric of a task.

    Args:
        key: entry of the metrics: ``accuracy`` or ``mae``.
        name: in a sentence.
        short: in a table's head.
        higher: whether higher is better.
    """

    key: str
    name: str
    short: str
    higher: bool

    @property
    def title(self) -> str:
        """Name at the beginning of a line."""
        return self.name[:1].upper() + self.name[1:]

    @property
    def is_share(self) -> bool:
        """True for a value in 0..1 that is shown in percent."""
        return self.key == "accuracy"

    def value(self, scores: MainScores) -> float | None:
        """Value among the metrics of a split, an epoch or a baseline; None where it is missing."""
        return scores.accuracy if self.is_share else scores.mae

    def text(self, value: float | None) -> str:
        """Format a value: ``97.2%``, or ``0.786`` in the unit of the data."""
        if value is None or math.isnan(value):
            return UNKNOWN
        return f"{100 * value:.1f}%" if self.is_share else value_text(value)

    def span(self, ends: Sequence[float]) -> str:
        """Format an interval: ``95.1–98.0%``."""
        return f"{self.text(ends[0]).removesuffix('%')}–{self.text(ends[1])}"


ACCURACY = MainMetric("accuracy", "accuracy", "acc", higher=True)
EXACT_MATCH = MainMetric("accuracy", "exact match", "acc", higher=True)
ERROR = MainMetric("mae", "MAE", "MAE", higher=False)


def main_metric(task: str | None) -> MainMetric:
    """Main metric of a task by name; of an unknown one the accuracy."""
    return {"regression": ERROR, "multi-label": EXACT_MATCH}.get(task or "", ACCURACY)


def main_metric_of(scores: MainScores) -> MainMetric:
    """Main metric of scores whose task is unknown: the error where there is one and no accuracy."""
    return ERROR if scores.accuracy is None and scores.mae is not None else ACCURACY


def value_text(value: float | None, digits: int = 4) -> str:
    """Format a value in the unit of the data, with so many significant digits: ``0.786``, ``23,456``."""
    if value is None or math.isnan(value):
        return UNKNOWN
    whole = 10**digits <= abs(value) < 1e9
    return f"{value:,.0f}" if whole else f"{value:.{digits}g}"
